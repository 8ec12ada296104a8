/**
 * Power loss at any moment, as the disk would show it: the write-ahead log ends after any frame, or in the middle
 * of one. Real: SQLite's files. Source of the layout: sqlite.org/fileformat2.html section 4.1.
 */
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createAppender, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { verify } from './disk.ts';
import { makeEvents } from './numbered-events.ts';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** In the database file before the first batch of which frames are left; then small and large batches. */
const CHECKPOINTED = 7;
const SIZES = [3, 90, 1, 40, 5];

test('a -wal cut after any frame opens at the end of a whole batch, none of those that were synced before', async () => {
  using scratch = new Scratch();
  const log = await openTestLog(scratch.join('state'));
  const { logPath } = log.files;
  const append = createAppender(log);
  append(makeEvents(1, CHECKPOINTED));
  log.writer.emptyWal();
  const ends = [{ walBytes: 0, position: CHECKPOINTED }];
  for (const size of SIZES) {
    const { position } = append(makeEvents(log.writer.head().position + 1, size));
    ends.push({ walBytes: statSync(`${logPath}-wal`).size, position });
  }
  const [database, wal] = [readFileSync(logPath), readFileSync(`${logPath}-wal`)];
  log.close();
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(8);
  const frameCount = (wal.length - HEADER_BYTES) / frameBytes;
  expect(Number.isInteger(frameCount)).toBe(true);
  expect(frameCount).toBeGreaterThan(SIZES.length);

  const copyPath = scratch.join('copy.db');
  const cut = async (walBytes: number) => {
    writeFileSync(copyPath, database);
    writeFileSync(`${copyPath}-wal`, wal.subarray(0, walBytes));
    rmSync(`${copyPath}-shm`, { force: true });
    const expected = ends.findLast((end) => end.walBytes <= walBytes)?.position;
    const { verdict, events } = await verify(copyPath);
    expect({ walBytes, verdict, events }).toEqual({
      walBytes,
      verdict: 'self-consistent',
      events: expected,
    });
  };
  for (let frame = 0; frame <= frameCount; frame += 1) {
    await cut(HEADER_BYTES + frame * frameBytes);
    if (frame < frameCount) {
      await cut(HEADER_BYTES + frame * frameBytes + 1_000);
    }
  }
}, 60_000);

test('from a cut -wal the writer goes on, with the tree that fits', async () => {
  using scratch = new Scratch();
  const log = await openTestLog(scratch.join('state'));
  const append = createAppender(log);
  append(makeEvents(1, 300));
  const { walBytes } = { walBytes: statSync(`${log.files.logPath}-wal`).size };
  append(makeEvents(301, 200));
  const copy = scratch.join('copy');
  const other = await openTestLog(copy);
  const otherPath = other.files.logPath;
  other.close();
  copyFileSync(log.files.logPath, otherPath);
  writeFileSync(
    `${otherPath}-wal`,
    readFileSync(`${log.files.logPath}-wal`).subarray(0, walBytes + 5_000),
  );
  rmSync(`${otherPath}-shm`, { force: true });
  log.close();
  const resumed = await openTestLog(copy);
  expect(resumed.writer.head().position).toBe(300);
  createAppender(resumed, 'run-2')(makeEvents(301, 300));
  resumed.close();
  expect(await verify(otherPath)).toMatchObject({ verdict: 'self-consistent', events: 600 });
});
