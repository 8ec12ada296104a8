/** What is left of a pruned log verifies, goes on, and proves what it did before. */
import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { fromStoredEvent } from '../../src/domain/event.ts';
import { parseCheckpoint } from '../../src/store/checkpoint-note.ts';
import { openLogFile, openLogReader } from '../../src/store/event-log-reader.ts';
import { findSegment } from '../../src/store/find-cut.ts';
import { proveConsistency, rootOf, verifyConsistency } from '../../src/store/merkle-proof.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { parseNote, parseVerifierKey } from '../../src/store/signed-note.ts';
import { checkProof, proveEvent } from '../../src/store/tlog-proof.ts';
import { pruneState } from '../support/pruned-state.ts';
import { createAppender, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { cosign, openScribe, trustIn } from './checkpoints.ts';
import { refusalOf, verify, writeLog } from './disk.ts';
import { instantOf, makeEvents } from './numbered-events.ts';
import { tamper, type Change } from './tamper.ts';

/** Ends of batches: 3, 4, 44, 300, 301, 601, 900. */
const SIZES = [3, 1, 40, 256, 1, 300, 299];

async function writeLongLog(scratch: Scratch): Promise<string> {
  await writeLog(scratch.path, SIZES);
  return scratch.join('log.db');
}

describe('whichever batch it is cut after', () => {
  test.each([3, 4, 44, 300, 301, 601])('event %i: what is left verifies', async (lastSeq) => {
    using scratch = new Scratch();
    const path = await writeLongLog(scratch);
    const before = await verify(path);
    await pruneState(scratch.path, { beforeSeq: lastSeq + 1 });
    const after = await verify(path);
    expect(after).toMatchObject({ verdict: 'self-consistent', fault: null, events: 901 });
    expect(after.pruned).toMatchObject({ events: lastSeq });
    const reader = openLogFile(path);
    expect(reader.firstSeq()).toBe(lastSeq + 1);
    expect(rootOf(reader.nodeAt, 900).toString('base64')).toBe(before.root);
    const [stored] = reader.readEvents({ after: 900, limit: 1 });
    expect(stored && fromStoredEvent(stored)).toMatchObject({
      event: 'log.pruned',
      firstSeq: 1,
      lastSeq,
      at: instantOf(900),
    });
    reader.close();
  });

  test('it is pruned again, and goes on', async () => {
    using scratch = new Scratch();
    const path = await writeLongLog(scratch);
    for (const lastSeq of [4, 300, 601]) {
      await pruneState(scratch.path, { beforeSeq: lastSeq + 1 });
    }
    const log = await openTestLog(scratch.path);
    const append = createAppender(log, 'run-2');
    const { position } = log.writer.head();
    append(makeEvents(position + 1, 700));
    const { size, root } = log.writer.treeHead();
    log.close();
    const found = await verify(path);
    expect(found).toMatchObject({ verdict: 'self-consistent', events: 1_603 });
    expect([size, root.toString('base64')]).toEqual([found.events, found.root]);
  });

  test('nothing of what was removed is left in the file', async () => {
    using scratch = new Scratch();
    const path = await writeLongLog(scratch);
    expect(readFileSync(path).includes('stop 7 ')).toBe(true);
    await pruneState(scratch.path, { beforeSeq: 45 });
    expect(readFileSync(path).includes('stop 7 ')).toBe(false);
    expect(readFileSync(`${path}-wal`).includes('stop 7 ')).toBe(false);
  });

  test('rows cannot be changed afterwards either', async () => {
    using scratch = new Scratch();
    const path = await writeLongLog(scratch);
    await pruneState(scratch.path, { beforeSeq: 45 });
    const db = new Database(path);
    for (const sql of [
      'DELETE FROM event WHERE seq = 50',
      'UPDATE event SET at_us = 0 WHERE seq = 50',
      'DELETE FROM batch',
      'DELETE FROM tree_node',
      'DELETE FROM pruned',
      'UPDATE pruned SET last_seq = 1',
      `INSERT INTO retained (record, id, body) VALUES ('x', 1, '{}')`,
      'DELETE FROM retained',
    ]) {
      expect(() => db.exec(sql), sql).toThrow(/append-only|when events are removed/);
    }
    db.close();
  });
});

describe('what vouches for the log', () => {
  test('a checkpoint kept elsewhere still does, and one of removed events does no more', async () => {
    using scratch = new Scratch();
    const { log, signer, write, publish } = await openScribe(scratch.path);
    write(100);
    const early = publish();
    write(400);
    const late = publish();
    write(300);
    log.close();
    await pruneState(scratch.path, { beforeSeq: 300 });
    const trustOf = (note: string) => {
      const found = parseCheckpoint(parseNote(note)?.text ?? '');
      const key = parseVerifierKey(signer.verifier.text);
      return trustIn({
        logKeys: [key],
        checkpoints: found ? [{ ...found, signedBy: [key.name], cosignedAtS: null }] : [],
      });
    };
    const path = scratch.join('log.db');
    expect(await verify(path, trustOf(late))).toMatchObject({
      verdict: 'verified',
      witness: { size: 501 },
    });
    expect(await verify(path, trustOf(early))).toMatchObject({
      verdict: 'self-consistent',
      witness: null,
      fault: null,
    });
  });

  test('consistency and inclusion are proved across the cut', async () => {
    using scratch = new Scratch();
    const { log, write, publish, witness } = await openScribe(scratch.path);
    write(40);
    write(300);
    const { size, root } = log.writer.treeHead();
    write(300);
    cosign(publish(), witness);
    const head = { size: 640, root: rootOf(log.reader.nodeAt, 640) };
    log.close();
    await pruneState(scratch.path, { beforeSeq: 41 });
    const reader = openLogReader(scratch.path);
    const path = proveConsistency(reader.nodeAt, size, head.size);
    expect(verifyConsistency({ size, root }, head, path)).toBe(true);
    expect(checkProof(proveEvent(reader, 41))).toMatchObject({ size: 640 });
    const refusal = await refusalOf(() => proveEvent(reader, 40));
    expect(refusal).toMatchObject({ code: 'pruned' });
    reader.close();
  });
});

const TAMPERINGS: readonly (readonly [title: string, change: Change])[] = [
  ['another cut', 'UPDATE pruned SET last_seq = 45'],
  ['another hash to continue', 'UPDATE pruned SET batch_hash = zeroblob(32)'],
  ['another edge of the tree', 'UPDATE pruned SET edge = zeroblob(length(edge))'],
  ['a shorter edge of the tree', `UPDATE pruned SET edge = x''`],
  ['no row about it', 'DELETE FROM pruned'],
  ['another event about it', 'UPDATE pruned SET event_seq = 60'],
  ['a changed state', `UPDATE retained SET body = json_set(body, '$.lastAt', 1)`],
  ['an added record of the state', `INSERT INTO retained VALUES ('lifespan', 1, '{}')`],
  ['no state', 'DELETE FROM retained'],
  ['a node over removed events', 'UPDATE tree_node SET hash = zeroblob(32) WHERE position = 0'],
];

test.each(TAMPERINGS)('tampering shows: %s', async (_title, change) => {
  using scratch = new Scratch();
  const path = await writeLongLog(scratch);
  await pruneState(scratch.path, { beforeSeq: 302 });
  tamper(path, [change]);
  const { verdict } = await verify(path);
  expect(['tampered', 'incomplete']).toContain(verdict);
});

/** The last event that the request covers in the long log. */
async function findEnd(request: Parameters<typeof findSegment>[1]): Promise<number | undefined> {
  using scratch = new Scratch();
  const path = await writeLongLog(scratch);
  const db = openDatabase(path, 'reader');
  const segment = findSegment(db, request);
  db.close();
  return segment?.lastSeq;
}

describe('where it is cut', () => {
  test('before an event: whole batches before it, and never the last one', async () => {
    expect(await findEnd({ beforeSeq: 4 })).toBe(3);
    expect(await findEnd({ beforeSeq: 44 })).toBe(4);
    expect(await findEnd({ beforeSeq: 45 })).toBe(44);
    expect(await findEnd({ beforeSeq: 9_999 })).toBe(601);
    expect(await findEnd({ beforeSeq: 3 })).toBeUndefined();
  });

  test('before a wall time: batches that were appended earlier', async () => {
    expect(await findEnd({ beforeWallUs: instantOf(44) })).toBe(4);
    expect(await findEnd({ beforeWallUs: instantOf(44) + 1 })).toBe(44);
    expect(await findEnd({ beforeWallUs: 0 })).toBeUndefined();
  });

  test('by size: the oldest batches, until about so much is left', async () => {
    expect(await findEnd({ sizeBytes: 100_000_000 })).toBeUndefined();
    expect(await findEnd({ sizeBytes: 0 })).toBe(601);
    const half = await findEnd({ sizeBytes: 150_000 });
    expect(half).toBeGreaterThanOrEqual(3);
    expect(half).toBeLessThan(601);
  });
});
