/**
 * A log that somebody changes by hand while a collector writes it. What a trigger or the head in the collector's
 * memory shows ends the collecting with one sentence; what only old rows show, it does not look at: `verify` does.
 *
 * Real: collector, databases, and the changes, by a connection of their own.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { NsauditError } from '../../src/domain/errors.ts';
import type { BatchRow } from '../../src/store/database-schema.ts';
import { verify } from '../store/disk.ts';
import { execute } from '../store/forge.ts';
import { edit, rehashBatch, rehashEvent, tamper, type Change } from '../store/tamper.ts';
import { ProcCollector } from './proc-collector.ts';

const PATIENCE_MS = 60_000;

class Running implements AsyncDisposable {
  readonly collector = new ProcCollector();
  readonly logPath = join(this.collector.stateDirectory, 'log.db');
  readonly #abort = new AbortController();
  /** What it ended with; null: as it was told. Undefined while it runs. */
  ended: NsauditError | null | undefined = undefined;
  readonly #run: Promise<void>;
  #pid = 1_000;

  constructor() {
    this.#run = this.#watch();
  }

  async #watch(): Promise<void> {
    try {
      await this.collector.run({ signal: this.#abort.signal });
      this.ended = null;
    } catch (error) {
      if (!(error instanceof NsauditError)) {
        throw error;
      }
      this.ended = error;
    }
  }

  /** A namespace is born; resolves when the log has it, or the collector has ended. */
  async makeEvent(): Promise<void> {
    this.#pid += 1;
    const inum = 4_026_600_000 + this.#pid;
    this.collector.tree.addProcess(this.#pid, { links: { uts: inum } });
    await this.#until(() => this.#logs(inum));
  }

  #logs(inum: number): boolean {
    return this.collector
      .readLog()
      .some((event) => event.event === 'namespace.born' && event.inum === inum);
  }

  async #until(isTrue: () => boolean): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    while (this.ended === undefined && performance.now() < endMs && !isTrue()) {
      await sleep(20);
    }
  }

  async start(): Promise<void> {
    await this.#until(() => this.collector.said.some((line) => line.startsWith('ready ')));
    await this.makeEvent();
    await this.makeEvent();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.collector[Symbol.dispose]();
  }
}

/** Changes the last batch as it is at that moment, which the collector cannot come between. */
function changeEnd(logPath: string, toChanges: (last: BatchRow) => readonly Change[]): BatchRow {
  let last: BatchRow | undefined;
  tamper(logPath, [
    'BEGIN IMMEDIATE',
    (db) => {
      last = db.prepare<[], BatchRow>('SELECT * FROM batch ORDER BY batch DESC LIMIT 1').get();
      for (const change of last === undefined ? [] : toChanges(last)) {
        if (typeof change === 'string') {
          db.exec(change);
        } else {
          change(db);
        }
      }
    },
    'COMMIT',
  ]);
  if (last === undefined) {
    throw new Error('the collector has written no batch');
  }
  return last;
}

describe('below a running collector', () => {
  test('an edited body is found at its event, while it runs and afterwards; the rest goes on being recorded', async () => {
    await using running = new Running();
    await running.start();
    const seq = 5;
    tamper(running.logPath, [edit(seq)]);
    expect(await verify(running.logPath)).toMatchObject({ verdict: 'tampered', fault: { seq } });
    const { length } = running.collector.readLog();
    await running.makeEvent();
    await running.stop();
    expect(running.ended).toBeNull();
    expect(running.collector.readLog().length).toBeGreaterThan(length);
    expect(await verify(running.logPath)).toMatchObject({ verdict: 'tampered', fault: { seq } });
  });

  test('a trigger that is dropped is named, while events go on being appended', async () => {
    await using running = new Running();
    await running.start();
    execute(running.logPath, 'DROP TRIGGER event_no_update');
    await running.makeEvent();
    expect(running.ended).toBeUndefined();
    const found = await verify(running.logPath);
    expect(found).toMatchObject({ verdict: 'incomplete', fault: { batch: null, seq: null } });
    expect(found.fault?.what).toBe('trigger event_no_update is missing');
    expect(found.events).toBe(running.collector.readLog().length);
  });

  test('a tail that is cut makes the next append fail: it ends, and a start is refused, because read.db has seen more', async () => {
    await using running = new Running();
    await running.start();
    const { first_seq: cut } = changeEnd(running.logPath, ({ batch, first_seq }) => [
      `DELETE FROM event WHERE seq >= ${first_seq}`,
      `DELETE FROM batch WHERE batch = ${batch}`,
    ]);
    await running.makeEvent();
    expect(running.ended).toMatchObject({ code: 'integrity' });
    expect(running.ended?.message).toMatch(
      /^[^\n]*log\.db refused a row[^\n]*nsaudit verify[^\n]*$/,
    );
    expect(running.collector.readLog()).toHaveLength(cut - 1);
    await expect(running.collector.run({ once: true })).rejects.toThrow(/older copy/);
  });

  test('a last batch that is written anew, hashes included, is found at the batch that the collector appends to it', async () => {
    await using running = new Running();
    await running.start();
    const { batch } = changeEnd(running.logPath, (last) => [
      edit(last.first_seq),
      rehashEvent(last.first_seq),
      rehashBatch(last.batch),
    ]);
    await running.makeEvent();
    const found = await verify(running.logPath);
    expect(found).toMatchObject({ verdict: 'tampered', fault: { batch: batch + 1, seq: null } });
    expect(found.fault?.what).toBe(`batch ${batch + 1} does not continue batch ${batch}`);
  });

  test('a batch that a stranger appends makes the next append fail', async () => {
    await using running = new Running();
    await running.start();
    const { batch, first_seq, event_count } = changeEnd(running.logPath, (last) => [
      `INSERT INTO batch SELECT batch + 1, 'stranger', 1, first_seq + event_count, 1, at_us, wall_us, hash, zeroblob(32)
         FROM batch WHERE batch = ${last.batch}`,
      `INSERT INTO event SELECT seq + 1, batch + 1, event, version, at_us, body, zeroblob(32)
         FROM event WHERE batch = ${last.batch} ORDER BY seq DESC LIMIT 1`,
    ]);
    await running.makeEvent();
    expect(running.ended).toMatchObject({ code: 'integrity' });
    expect(running.ended?.message).toMatch(/append-only: insert at head\+1/);
    expect(await verify(running.logPath)).toMatchObject({
      verdict: 'tampered',
      fault: { batch: batch + 1, seq: first_seq + event_count },
    });
  });
});
