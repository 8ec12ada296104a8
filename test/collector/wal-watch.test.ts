/** The write-ahead log below a reader that never ends its transaction. Real: log, reader, and SQLite's files. */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { startWalWatch } from '../../src/collector/wal-watch.ts';
import { US_PER_SECOND } from '../../src/domain/time.ts';
import { verify } from '../store/disk.ts';
import { makeEvents } from '../store/numbered-events.ts';
import { createAppender, openTestLog, Scratch } from '../support/state-on-disk.ts';

const BOUND_BYTES = 1_000_000;

test('a reader that is stuck lets the log grow, which is said with its size; when it is gone the log is emptied', async () => {
  using scratch = new Scratch();
  const log = await openTestLog(scratch.path);
  const append = createAppender(log);
  const walPath = `${log.files.logPath}-wal`;
  const notices: string[] = [];
  const watch = startWalWatch({
    files: log.files,
    emptyWals: () => log.writer.emptyWal(),
    onNotice: (line) => notices.push(line),
    boundBytes: BOUND_BYTES,
  });
  let seconds = 0;
  const grow = (bytes: number): void => {
    const until = statSync(walPath).size + bytes;
    while (statSync(walPath).size < until) {
      append(makeEvents(log.writer.head().position + 1, 500));
    }
  };
  const look = (): void => watch.look((seconds += 1) * US_PER_SECOND, 'ample');

  append(makeEvents(1, 10));
  const stuck = new Database(log.files.logPath, { readonly: true });
  stuck.exec('BEGIN');
  expect(stuck.prepare('SELECT count(*) FROM event').pluck().get()).toBe(10);

  look();
  expect(notices).toEqual([]);
  grow(1_500_000);
  look();
  look();
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatch(/log\.db-wal has grown to \d MiB, because a reader/);
  grow(2_500_000);
  look();
  expect(notices).toHaveLength(2);
  // It still sees what it saw, and nobody else is kept from anything.
  expect(stuck.prepare('SELECT count(*) FROM event').pluck().get()).toBe(10);

  stuck.close();
  look();
  expect(notices.at(-1)).toMatch(/log\.db-wal is back to 0 MiB/);
  expect(statSync(walPath).size).toBe(0);
  log.close();
  expect(await verify(log.files.logPath)).toMatchObject({ verdict: 'self-consistent' });
});

test('with little room left the bound is small', async () => {
  using scratch = new Scratch();
  const log = await openTestLog(scratch.path);
  const append = createAppender(log);
  const walPath = `${log.files.logPath}-wal`;
  const watch = startWalWatch({
    files: log.files,
    emptyWals: () => log.writer.emptyWal(),
    onNotice: () => {},
  });
  while (statSync(walPath).size < 4_200_000) {
    append(makeEvents(log.writer.head().position + 1, 500));
  }
  watch.look(US_PER_SECOND, 'ample');
  expect(statSync(walPath).size).toBeGreaterThan(4_000_000);
  watch.look(2 * US_PER_SECOND, 'low');
  expect(statSync(walPath).size).toBe(0);
  log.close();
});
