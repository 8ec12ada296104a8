/** A read.db that does not fit its log is built anew, and never mended or trusted. */
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { at, Auditor, process } from '../support/scan-builder.ts';
import {
  dumpDatabase,
  NOT_FOLDED,
  Scratch,
  withState,
  writeState,
} from '../support/state-on-disk.ts';

/** Two collectors' worth of events: the second log has other namespaces than the first. */
function record(net: number): AuditEvent[][] {
  const auditor = new Auditor();
  const others = [process(2), process(3)];
  auditor.scan({ second: 10, processes: others });
  auditor.scan({ second: 11, processes: [...others, process(50, { net })] });
  return auditor.log.map((event) => [event]);
}

function dump(scratch: Scratch): string {
  return dumpDatabase(scratch.join('state', 'read.db'), NOT_FOLDED);
}

function change(scratch: Scratch, sql: string): void {
  const db = new Database(scratch.join('state', 'read.db'));
  db.exec(sql);
  db.close();
}

async function takeUp(scratch: Scratch): Promise<string | null> {
  return await withState(scratch.join('state'), ({ projection }) => projection.rebuildReason);
}

describe('read.db at the start', () => {
  test('is taken up where it stands when it fits the log', async () => {
    using scratch = new Scratch();
    await writeState(scratch.join('state'), record(5_000));
    expect(await takeUp(scratch)).toBeNull();
  });

  test.each([
    ['another log', `UPDATE projection SET log_id = 'somebody else''s'`],
    ['another hash at its position', `UPDATE projection SET batch_hash = zeroblob(32)`],
    ['a position that the log has not reached', 'UPDATE projection SET position = position + 1000'],
    ['a fold of another version', 'UPDATE projection SET version = version + 1'],
    ['a schema of another version', 'PRAGMA user_version = 999'],
    ['no checkpoint', 'DELETE FROM projection'],
  ])('is built anew when it tells of %s', async (_what, sql) => {
    using scratch = new Scratch();
    await writeState(scratch.join('state'), record(5_000));
    const whole = dump(scratch);
    change(scratch, sql);
    expect(await takeUp(scratch)).not.toBeNull();
    expect(dump(scratch)).toBe(whole);
  });

  test.each([
    ['missing', (path: string) => rmSync(path)],
    ['not a database', (path: string) => writeFileSync(path, 'junk '.repeat(2_000))],
  ])('is built anew when it is %s', async (_what, damage) => {
    using scratch = new Scratch();
    await writeState(scratch.join('state'), record(5_000));
    const whole = dump(scratch);
    for (const suffix of ['-wal', '-shm']) {
      rmSync(scratch.join('state', `read.db${suffix}`), { force: true });
    }
    damage(scratch.join('state', 'read.db'));
    expect(await takeUp(scratch)).not.toBeNull();
    expect(dump(scratch)).toBe(whole);
  });

  test('is built anew when it belongs to the log of another state directory', async () => {
    using scratch = new Scratch();
    await writeState(scratch.join('state'), record(5_000));
    await writeState(scratch.join('other'), record(6_000));
    const whole = dump(scratch);
    copyFileSync(scratch.join('other', 'read.db'), scratch.join('state', 'read.db'));
    expect(await takeUp(scratch)).not.toBeNull();
    expect(dump(scratch)).toBe(whole);
    expect(whole).toContain(`"born_after_us":${at(10)}`);
  });
});
