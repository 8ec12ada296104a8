/**
 * An older copy of the whole state directory that is put back, read.db and all: nothing inside tells. What was kept
 * outside does: the note in `--checkpoint-file`, a witness, a checkpoint given to `verify`. Without any of them the
 * collector goes on, and the time since the copy was made is a gap: it is never taken for watched.
 *
 * Real: collector, databases, signatures, HTTP. Modelled: the proc tree, and the witness.
 */
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CheckpointOptions } from '../../src/collector/checkpoint-heartbeat.ts';
import { originOf } from '../../src/store/checkpoint-note.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { toSigner, toWitness, type Signer } from '../../src/store/signed-note.ts';
import { runWords } from '../cli/run-words.ts';
import { COSIGNED_AT_S, makeKey } from '../store/checkpoints.ts';
import { refusalOf, refusing } from '../store/disk.ts';
import { only } from '../support/scan-builder.ts';
import { startWitness } from '../support/witness-server.ts';
import { ProcCollector } from './proc-collector.ts';

const privateKey = makeKey();
const witnessSigner = toWitness('witness.example/w1', makeKey());
let collector: ProcCollector;
let notes: string[];
let pid = 1_000;

beforeEach(() => {
  collector = new ProcCollector();
  notes = [];
});

afterEach(() => collector[Symbol.dispose]());

/** One look, at which another namespace has been born. */
async function look(more: Partial<CheckpointOptions> = {}): Promise<void> {
  pid += 1;
  collector.tree.addProcess(pid, { links: { uts: 4_026_600_000 + pid } });
  const checkpoints = {
    privateKey,
    intervalMs: 3_600_000,
    file: null,
    witnessUrls: [],
    witnessKeys: [witnessSigner.verifier],
    onNote: (note: string) => notes.push(note),
    ...more,
  };
  await collector.run({ once: true, checkpoints });
}

function sizeOf(note: string): number {
  return Number(note.split('\n')[1]);
}

function toJournal(some: readonly string[]): string {
  return some.map((note) => `started\n${note}stopped\n`).join('');
}

function keepCopy(): void {
  cpSync(collector.stateDirectory, collector.join('older'), { recursive: true });
}

function putBack(): void {
  rmSync(collector.stateDirectory, { recursive: true });
  cpSync(collector.join('older'), collector.stateDirectory, { recursive: true });
}

function findSigner(): Signer {
  const reader = openLogReader(collector.stateDirectory);
  const origin = originOf(reader);
  reader.close();
  return toSigner(origin, privateKey);
}

async function verify(...words: readonly string[]) {
  const { status, stdout, stderr } = await runWords([
    'verify',
    '--state-dir',
    collector.stateDirectory,
    '-o',
    'json',
    ...words,
  ]);
  const { verdict, fault } = JSON.parse(stdout) as { verdict: string; fault: unknown };
  return { status, verdict, fault, stderr };
}

describe('an older copy of the whole state directory', () => {
  test('is refused at the start by the note in the checkpoint file, as long as that is there', async () => {
    const file = collector.join('newest.note');
    await look({ file });
    keepCopy();
    const { length } = collector.readLog();
    await look({ file });
    putBack();
    const refusal = await refusalOf(() => look({ file }));
    expect(refusal).toEqual(refusing('integrity', file, /older copy was put in its place/));
    expect(refusal.message).toMatch(new RegExp(`^the log ends at event ${length}, and`));
    expect(collector.readLog()).toHaveLength(length);
    renameSync(file, collector.join('seen.note'));
    await look({ file });
    expect(collector.readLog().length).toBeGreaterThan(length);
  });

  test('that went on beyond what the note covers is refused, because the events are others', async () => {
    const file = collector.join('newest.note');
    await look();
    keepCopy();
    await look({ file });
    putBack();
    await look();
    await look();
    const { length } = collector.readLog();
    const refusal = await refusalOf(() => look({ file }));
    expect(refusal).toEqual(refusing('integrity', file, /are not those that the checkpoint/));
    expect(collector.readLog()).toHaveLength(length);
  });

  test('is said and recorded by a witness that has seen more, and the collecting goes on', async () => {
    await look();
    await using witness = await startWitness(witnessSigner, findSigner().verifier, COSIGNED_AT_S);
    const witnessUrls = [witness.url];
    await look({ witnessUrls });
    keepCopy();
    await look({ witnessUrls });
    await look({ witnessUrls });
    putBack();
    await look({ witnessUrls });
    const says = /has seen \d+ events and the log has \d+: the log was cut, or is an older copy/;
    expect(collector.said.join('\n')).toMatch(says);
    const failed = only(collector.readLog(), 'checkpoint.published').flatMap((each) => each.failed);
    expect(failed.length).toBeGreaterThan(0);
    for (const { target, reason } of failed) {
      expect(target).toBe(witness.url);
      expect(reason).toMatch(says);
    }
  });

  test('is found by a kept checkpoint, and where: before it goes on as incomplete, afterwards as other events', async () => {
    await look();
    keepCopy();
    const { length } = collector.readLog();
    await look();
    const key = ['--public-key', findSigner().verifier.text];
    const kept = ['--checkpoint', collector.join('kept.note'), ...key];
    writeFileSync(collector.join('kept.note'), notes.join(''));
    putBack();
    const found = await verify(...kept);
    expect(found).toMatchObject({ status: 5, verdict: 'incomplete', fault: { seq: length + 1 } });
    expect(found.stderr).toMatch(/an older copy may have been put in its place/);
    await look();
    await look();
    const sizes = notes.map(sizeOf).filter((size) => size <= length);
    expect(await verify(...kept)).toMatchObject({
      status: 4,
      verdict: 'tampered',
      fault: { seq: Math.max(...sizes) + 1 },
    });
  });

  test('without any of them goes on and verifies, and the time since the copy is a gap', async () => {
    await look();
    keepCopy();
    const { length } = collector.readLog();
    await look();
    const watched = only(collector.readLog(), 'coverage.changed').at(-1);
    putBack();
    await look();
    expect(await verify()).toMatchObject({ status: 0, verdict: 'self-consistent' });
    const [gap] = only(collector.readLog(), 'observation.gap').filter(({ seq }) => seq > length);
    expect(gap).toMatchObject({ reason: 'stopped' });
    expect(gap?.from).toBeLessThan(watched?.from ?? 0);
    expect(gap?.to).toBeGreaterThan(watched?.to ?? 0);
  });
});

describe('every note in the file that verify is given is compared', () => {
  test('one that does not match is found, wherever it stands, also between other lines', async () => {
    await look();
    keepCopy();
    const before = notes;
    notes = [];
    await look();
    const forked = notes.at(-1) ?? '';
    putBack();
    notes = [...before];
    await look();
    await look();
    const key = ['--public-key', findSigner().verifier.text];
    const kept = ['--checkpoint', collector.join('journal'), ...key];
    writeFileSync(collector.join('journal'), toJournal(notes));
    expect(await verify(...kept)).toMatchObject({ status: 0, verdict: 'verified' });
    const fitting = notes.map(sizeOf).filter((size) => size < sizeOf(forked));
    const [first = '', ...rest] = notes;
    for (const order of [
      [...notes, forked],
      [forked, ...notes],
      [first, forked, ...rest],
    ]) {
      writeFileSync(collector.join('journal'), toJournal(order));
      const found = await verify(...kept);
      expect(found).toMatchObject({
        status: 4,
        verdict: 'tampered',
        fault: { batch: null, seq: Math.max(...fitting) + 1 },
      });
    }
  });

  test('one that somebody changed is refused, though the others match', async () => {
    await look();
    await look();
    const [first = '', ...rest] = notes;
    const changed = first.replace(/\n(\d+)\n/, '\n1\n');
    writeFileSync(collector.join('journal'), [changed, ...rest].join(''));
    const key = ['--public-key', findSigner().verifier.text];
    const { status, stdout, stderr } = await runWords([
      'verify',
      '--state-dir',
      collector.stateDirectory,
      '--checkpoint',
      collector.join('journal'),
      ...key,
    ]);
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
    expect(stderr).toMatch(/has a wrong signature: the note was changed, or forged/);
  });
});
