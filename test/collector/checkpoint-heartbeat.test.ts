/**
 * Checkpoints go out while the collector runs, a witness gets a proof for each, and no failure stops anything.
 *
 * Real: log, hashes, signatures, HTTP. The witness is a server on the loopback interface that checks as the
 * specification says.
 */
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  startHeartbeat,
  type CheckpointOptions,
  type Heartbeat,
} from '../../src/collector/checkpoint-heartbeat.ts';
import { openRecorder, type Recorder } from '../../src/collector/recorder.ts';
import { startDraft } from '../../src/domain/draft.ts';
import { fromStoredEvent, type EventOf } from '../../src/domain/event.ts';
import { createHostClock, createTimelineClock } from '../../src/observe/host-clock.ts';
import { readTrustedCheckpoints } from '../../src/store/checkpoint-note.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { toSigner, toWitness, type Signer } from '../../src/store/signed-note.ts';
import { COSIGNED_AT_S, makeKey, trustIn } from '../store/checkpoints.ts';
import { verify } from '../store/disk.ts';
import { HOST, Scratch } from '../support/state-on-disk.ts';
import { startWitness, type WitnessServer } from '../support/witness-server.ts';

const hostClock = createHostClock({ procRoot: '/proc' });
const clock = createTimelineClock(hostClock, 1_000_000);
const PATIENCE_MS = 20_000;

let scratch: Scratch;
let recorder: Recorder;
let signer: Signer;
const privateKey = makeKey();
const witnessSigner = toWitness('witness.example/w1', makeKey());
const notices: string[] = [];
const notes: string[] = [];

beforeEach(async () => {
  scratch = new Scratch();
  notices.length = 0;
  notes.length = 0;
  await open();
});

afterEach(() => {
  recorder.close();
  scratch[Symbol.dispose]();
});

async function open(): Promise<void> {
  recorder = await openRecorder({
    stateDirectory: scratch.path,
    hostId: HOST,
    bootId: 'boot-1',
    clock: hostClock,
  });
  signer = toSigner(recorder.tree.origin, privateKey);
}

function start(options: Partial<CheckpointOptions> = {}): Heartbeat {
  return startHeartbeat({
    options: {
      privateKey,
      intervalMs: 0,
      file: null,
      witnessUrls: [],
      witnessKeys: [witnessSigner.verifier],
      onNote: (note) => notes.push(note),
      ...options,
    },
    recorder,
    clock,
    onNotice: (line) => notices.push(line),
  });
}

function write(count: number): void {
  const atUs = Math.max(clock.timelineUs(), recorder.known.lastAt);
  const draft = startDraft(recorder.known.position, atUs);
  for (let index = 0; index < count; index += 1) {
    draft.add({ event: 'collector.stopped', boot: 'boot-1', reason: `${index}` });
  }
  recorder.append(draft.events, atUs);
}

function listRecorded(): EventOf<'checkpoint.published'>[] {
  const reader = openLogReader(scratch.path);
  const events = reader.readEvents({ after: 0, limit: 100_000 }).map(fromStoredEvent);
  reader.close();
  return events.filter((event) => event.event === 'checkpoint.published');
}

/** Beats as the loops do, until so many are recorded. */
async function beatUntil(heartbeat: Heartbeat, count: number): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (listRecorded().length < count && performance.now() < endMs) {
    heartbeat.beat();
    await sleep(5);
  }
  expect(listRecorded().length).toBeGreaterThanOrEqual(count);
}

function askWitness(): Promise<WitnessServer> {
  return startWitness(witnessSigner, signer.verifier, COSIGNED_AT_S);
}

describe('a checkpoint', () => {
  test('covers what was before it, goes out as a note and into a file, also when nothing happens', async () => {
    write(5);
    const file = scratch.join('newest.note');
    const heartbeat = start({ file });
    await beatUntil(heartbeat, 3);
    const recorded = listRecorded();
    expect(recorded.slice(0, 3).map(({ seq, size }) => [seq, size])).toEqual([
      [6, 5],
      [7, 6],
      [8, 7],
    ]);
    expect(notes.slice(0, 3)).toEqual(recorded.slice(0, 3).map(({ note }) => note));
    const kept = readTrustedCheckpoints(readFileSync(file, 'utf8'), [signer.verifier], file);
    expect(kept).toHaveLength(1);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    const trust = trustIn({ logKeys: [signer.verifier], checkpoints: kept });
    expect(await verify(scratch.join('log.db'), trust)).toMatchObject({ verdict: 'verified' });
    expect(notices[0]).toContain(signer.verifier.text);
  });

  test('is not signed again before it is time', async () => {
    write(1);
    const heartbeat = start({ intervalMs: 3_600_000 });
    await beatUntil(heartbeat, 1);
    heartbeat.beat();
    await sleep(20);
    heartbeat.beat();
    expect(notes).toHaveLength(1);
  });

  test('after a start goes on, and says when another key signs', async () => {
    write(2);
    await start().finish();
    recorder.close();
    await open();
    await start().finish();
    await start({ privateKey: makeKey() }).finish();
    const [, second, third] = listRecorded();
    expect(second?.rotatedFrom).toBeNull();
    expect(third?.rotatedFrom).toBe(signer.verifier.text);
    expect(await verify(scratch.join('log.db'))).toMatchObject({ verdict: 'self-consistent' });
  });
});

describe('a witness', () => {
  test('gets a proof that each checkpoint continues the one before, and its cosignature is recorded', async () => {
    await using witness = await askWitness();
    const heartbeat = start({ witnessUrls: [witness.url] });
    for (const count of [1, 300, 2, 600]) {
      write(count);
      await beatUntil(heartbeat, listRecorded().length + 1);
    }
    await heartbeat.finish();
    expect(witness.statuses.every((status) => status === 200)).toBe(true);
    const recorded = listRecorded();
    expect(recorded.at(-1)?.size).toBe(witness.seen.size);
    expect(new Set(recorded.map(({ cosigned }) => cosigned.join(' ')))).toEqual(
      new Set(['witness.example/w1']),
    );
    const trust = trustIn({ witnessKeys: [witnessSigner.verifier] });
    expect(await verify(scratch.join('log.db'), trust)).toMatchObject({
      verdict: 'verified',
      witness: { from: 'recorded', size: witness.seen.size, cosignedAtS: COSIGNED_AT_S },
    });
  });

  test('that has seen more of the log than this run knows is asked again from there', async () => {
    await using witness = await askWitness();
    write(10);
    await start({ witnessUrls: [witness.url] }).finish();
    write(10);
    await start({ witnessUrls: [witness.url] }).finish();
    expect(witness.statuses).toEqual([200, 409, 200]);
    expect(listRecorded().map(({ failed }) => failed)).toEqual([[], []]);
  });

  test.each([
    [
      'is longer than the log',
      { size: 99, root: Buffer.alloc(32) },
      /seen 99 events and the log has 10/,
    ],
    ['is another of the same size', { size: 10, root: Buffer.alloc(32) }, /another tree/],
    ['is not the beginning of the log', { size: 4, root: Buffer.alloc(32) }, /does not continue/],
  ])('whose tree %s: that is said and recorded', async (_title, seen, reason) => {
    await using witness = await askWitness();
    witness.seen = seen;
    write(10);
    await start({ witnessUrls: [witness.url] }).finish();
    const [recorded] = listRecorded();
    expect(recorded?.cosigned).toEqual([]);
    expect(recorded?.failed).toEqual([
      { target: witness.url, reason: expect.stringMatching(reason) as string },
    ]);
    expect(notices.at(-1)).toMatch(/checkpoint not published: .*1 in a row. Collecting goes on/);
  });

  test(
    'that is silent or away delays nothing, and is asked again',
    { timeout: 60_000 },
    async () => {
      await using witness = await askWitness();
      witness.isSilent = true;
      const heartbeat = start({ witnessUrls: [witness.url, 'http://127.0.0.1:9/w2'] });
      write(3);
      heartbeat.beat();
      write(3);
      expect(recorder.known.position).toBe(6);
      await beatUntil(heartbeat, 1);
      expect(listRecorded()[0]?.failed).toEqual(
        expect.arrayContaining([
          { target: witness.url, reason: 'did not answer within 5 s' },
          {
            target: 'http://127.0.0.1:9/w2',
            reason: expect.stringMatching(/could not be asked/) as string,
          },
        ]),
      );
      witness.isSilent = false;
      await beatUntil(heartbeat, 3);
      await heartbeat.finish();
      expect(listRecorded().at(-1)).toMatchObject({ cosigned: ['witness.example/w1'] });
      expect(notices.some((line) => /are published again: .*after/.test(line))).toBe(true);
      expect(await verify(scratch.join('log.db'))).toMatchObject({ verdict: 'self-consistent' });
    },
  );

  test('whose key is not the one that was given has not cosigned', async () => {
    await using witness = await askWitness();
    const witnessKeys = [toWitness('witness.example/w1', makeKey()).verifier];
    write(1);
    await start({ witnessUrls: [witness.url], witnessKeys }).finish();
    expect(listRecorded()[0]).toMatchObject({
      cosigned: [],
      failed: [{ reason: 'answered without a cosignature by a key that was given' }],
    });
  });
});

test('a file that cannot be written is said and recorded', async () => {
  write(1);
  await start({ file: scratch.join('absent', 'note') }).finish();
  expect(listRecorded()[0]?.failed).toMatchObject([{ target: scratch.join('absent', 'note') }]);
  expect(notices.at(-1)).toMatch(/could not be written/);
});
