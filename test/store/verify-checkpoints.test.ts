/**
 * What a checkpoint that was kept, or cosigned, tells that the log alone cannot; and that a log is never
 * called verified without one.
 */
import { describe, expect, test } from 'vitest';
import { backupLog } from '../../src/store/backup-log.ts';
import { readTrustedCheckpoints } from '../../src/store/checkpoint-note.ts';
import type { Trust } from '../../src/store/verify-checkpoints.ts';
import type { Verification } from '../../src/store/verify-log.ts';
import { Scratch } from '../support/state-on-disk.ts';
import { COSIGNED_AT_S, makeKey, openScribe, trustIn, type Scribe } from './checkpoints.ts';
import { verify, writeLog } from './disk.ts';
import { edit, rehashBatch, rehashEvent, tamper, type Change } from './tamper.ts';

interface Story {
  readonly path: string;
  readonly scribe: Scribe;
  /** Of size 4: batches 1 and 2. */
  readonly early: Trust;
  /** Of size 9: batches 1 to 4, the checkpoint of size 4 among them. */
  readonly late: Trust;
}

/** Batch 1: events 1-3, 2: 4, 3: 5 (checkpoint of size 4), 4: 6-9, 5: 10 (checkpoint of size 9), 6: 11-12. */
async function writeStory(directory: string, isCosigned = false): Promise<Story> {
  const scribe = await openScribe(directory);
  const keep = (note: string) => {
    const keys = [scribe.signer.verifier];
    return trustIn({ logKeys: keys, checkpoints: readTrustedCheckpoints(note, keys, 'note') });
  };
  scribe.write(3);
  scribe.write(1);
  const early = keep(scribe.publish({ isCosigned }));
  scribe.write(4);
  const late = keep(scribe.publish({ isCosigned }));
  scribe.write(2);
  scribe.log.close();
  return { path: `${directory}/log.db`, scribe, early, late };
}

const rehashFrom = (batch: number): Change[] =>
  [1, 2, 3, 4, 5, 6].filter((number) => number >= batch).map(rehashBatch);

describe('a log is verified only when somebody outside of it vouches for it', () => {
  test('with a checkpoint that was kept, up to its size', async () => {
    using scratch = new Scratch();
    const { path, late, scribe } = await writeStory(scratch.path);
    expect(await verify(path, late)).toMatchObject({
      verdict: 'verified',
      events: 12,
      checkpoints: { count: 2, newestSize: 9 },
      witness: {
        from: 'kept',
        size: 9,
        signedBy: [scribe.signer.verifier.name],
        cosignedAtS: null,
      },
      fault: null,
    });
  });

  test('with a cosignature of a witness whose key is given, though only the log has it', async () => {
    using scratch = new Scratch();
    const { path, scribe } = await writeStory(scratch.path, true);
    const trust = trustIn({ witnessKeys: [scribe.witness.verifier] });
    expect(await verify(path, trust)).toMatchObject({
      verdict: 'verified',
      witness: {
        from: 'recorded',
        size: 9,
        signedBy: ['witness.example/w1'],
        cosignedAtS: COSIGNED_AT_S,
      },
    });
  });

  test('not with checkpoints in the log that only its own key signed, whose key is given', async () => {
    using scratch = new Scratch();
    const { path, scribe } = await writeStory(scratch.path, true);
    for (const trust of [trustIn({}), trustIn({ logKeys: [scribe.signer.verifier] })]) {
      expect(await verify(path, trust)).toMatchObject({
        verdict: 'self-consistent',
        witness: null,
      });
    }
  });

  test('also a backup, and the log that a collector goes on writing', async () => {
    using scratch = new Scratch();
    const scribe = await openScribe(scratch.join('state'));
    const keys = [scribe.signer.verifier];
    scribe.write(300);
    const checkpoints = readTrustedCheckpoints(scribe.publish(), keys, 'note');
    const trust = trustIn({ logKeys: keys, checkpoints });
    for (let round = 0; round < 3; round += 1) {
      scribe.write(100);
      expect(await verify(scratch.join('state', 'log.db'), trust)).toMatchObject({
        verdict: 'verified',
        events: 301 + 100 * (round + 1),
      });
    }
    await backupLog(scratch.join('state'), scratch.join('copy.db'));
    scribe.log.close();
    expect(await verify(scratch.join('copy.db'), trust)).toMatchObject({ verdict: 'verified' });
  });

  test('with every size that a checkpoint can have', async () => {
    using scratch = new Scratch();
    const scribe = await openScribe(scratch.path);
    const notes: string[] = [];
    for (let size = 1; size <= 40; size += 1) {
      scribe.write(size % 3 === 0 ? 7 : 1);
      notes.push(scribe.publish());
    }
    scribe.log.close();
    const keys = [scribe.signer.verifier];
    const checkpoints = readTrustedCheckpoints(notes.join(''), keys, 'notes');
    expect(checkpoints).toHaveLength(40);
    const found = await verify(scratch.join('log.db'), trustIn({ logKeys: keys, checkpoints }));
    expect(found).toMatchObject({ verdict: 'verified', checkpoints: { count: 40 } });
  });
});

type Forgery = readonly [
  title: string,
  changes: readonly Change[],
  verdict: Verification['verdict'],
  fault: { readonly batch?: number | null; readonly seq: number | null },
];

const FORGERIES: readonly Forgery[] = [
  ['an edited body', [edit(7)], 'tampered', { batch: 4, seq: 7 }],
  [
    'an edited body, with the chain built anew to the end',
    [edit(7), rehashEvent(7), ...rehashFrom(4)],
    'tampered',
    // Between the two checkpoints.
    { seq: 5 },
  ],
  [
    'an edited body before both checkpoints, with the chain built anew',
    [edit(2), rehashEvent(2), ...rehashFrom(1)],
    'tampered',
    { seq: 1 },
  ],
  [
    'a tail cut between batches, behind the checkpoint',
    ['DELETE FROM event WHERE seq > 7', 'DELETE FROM batch WHERE batch > 3'],
    'incomplete',
    { seq: 6 },
  ],
  [
    'the checkpoint events cut out, with the chain built anew',
    [
      'DELETE FROM event WHERE batch IN (3, 5)',
      'DELETE FROM batch WHERE batch IN (3, 5)',
      'UPDATE batch SET batch = 3, first_seq = 5, producer_seq = 3 WHERE batch = 4',
      'UPDATE event SET batch = 3, seq = seq - 1 WHERE batch = 4',
      'UPDATE batch SET batch = 4, first_seq = 9, producer_seq = 4 WHERE batch = 6',
      'UPDATE event SET batch = 4, seq = seq - 2 WHERE batch = 6',
      ...[5, 6, 7, 8, 9, 10].map(rehashEvent),
      ...rehashFrom(3),
    ],
    'tampered',
    { seq: 5 },
  ],
];

describe('with a kept checkpoint, a rewrite that is consistent in itself is found, and where', () => {
  test.each(FORGERIES)('%s', async (_title, changes, verdict, fault) => {
    using scratch = new Scratch();
    const { path, early, late } = await writeStory(scratch.path);
    tamper(path, changes);
    const trust = { ...late, checkpoints: [...early.checkpoints, ...late.checkpoints] };
    const found = await verify(path, trust);
    expect(found).toMatchObject({ verdict, fault });
    expect(found.fault?.what).toMatch(/\S/);
  });

  test('a log that another one took the place of', async () => {
    using scratch = new Scratch();
    const { late } = await writeStory(scratch.join('one'));
    await writeLog(scratch.join('other'), [20]);
    const found = await verify(scratch.join('other', 'log.db'), { ...late, logKeys: [] });
    expect(found).toMatchObject({ verdict: 'tampered' });
    expect(found.fault?.what).toMatch(/is of nsaudit\/.*, and this log is nsaudit\//);
  });
});

describe('a checkpoint in the log is checked even without anything that was kept', () => {
  test('a rewrite of what it covers is found by it', async () => {
    using scratch = new Scratch();
    const { path } = await writeStory(scratch.path);
    tamper(path, [edit(7), rehashEvent(7), ...rehashFrom(4)]);
    expect(await verify(path)).toMatchObject({
      verdict: 'tampered',
      fault: { batch: null, seq: 5 },
    });
  });

  test.each([
    ['a size that is not in its note', { size: 2 }, /has a note that says something else/],
    [
      'a root that is not in its note',
      { root: Buffer.alloc(32).toString('base64') },
      /something else/,
    ],
    ['a note that is none', { note: 'text' }, /is no signed note/],
    ['no key', { publicKey: null }, /does not say which key/],
    ['a change of key that is none', { rotatedFrom: 'x' }, /changes the key/],
  ])('one with %s is found', async (_title, change, what) => {
    using scratch = new Scratch();
    const scribe = await openScribe(scratch.path);
    scribe.write(3);
    scribe.publish({ change });
    scribe.log.close();
    const found = await verify(scratch.join('log.db'));
    expect(found).toMatchObject({ verdict: 'tampered', fault: { batch: 2, seq: 4 } });
    expect(found.fault?.what).toMatch(what);
  });

  test('one that is signed by none of the keys that were given is found', async () => {
    using scratch = new Scratch();
    const { path } = await writeStory(scratch.path);
    const other = await openScribe(scratch.join('other'));
    other.log.close();
    const found = await verify(path, trustIn({ logKeys: [other.signer.verifier] }));
    expect(found).toMatchObject({ verdict: 'tampered', fault: { batch: 3, seq: 5 } });
  });

  test('a change of key has to name the one before', async () => {
    using scratch = new Scratch();
    const keys = { log: makeKey(), witness: makeKey() };
    const first = await openScribe(scratch.path, keys);
    first.write(3);
    first.publish();
    first.log.close();
    const second = await openScribe(scratch.path, { ...keys, log: makeKey() }, 'run-2');
    second.publish({ change: { rotatedFrom: first.signer.verifier.text } });
    expect(await verify(scratch.join('log.db'))).toMatchObject({
      verdict: 'self-consistent',
      checkpoints: { count: 2, newestSize: 4 },
    });
    second.log.close();
    const third = await openScribe(scratch.path, { ...keys, log: makeKey() }, 'run-3');
    third.publish();
    third.log.close();
    const found = await verify(scratch.join('log.db'));
    expect(found).toMatchObject({ verdict: 'tampered', fault: { seq: 6 } });
    expect(found.fault?.what).toMatch(/changes the key without saying/);
  });
});

describe('the stored tree is compared with the leaves', () => {
  test.each([
    ['another node', 'UPDATE tree_node SET hash = zeroblob(32) WHERE position = 1', 'tampered'],
    ['a node that is gone', 'DELETE FROM tree_node WHERE position = 1', 'incomplete'],
  ])('%s is found', async (_title, change, verdict) => {
    using scratch = new Scratch();
    await writeLog(scratch.path, [600]);
    tamper(scratch.join('log.db'), [change]);
    expect(await verify(scratch.join('log.db'))).toMatchObject({
      verdict,
      fault: { batch: null, seq: 257 },
    });
  });
});
