/**
 * State directories in every kind of trouble, real files each: one sentence, the right exit status,
 * nothing on stdout, and not a byte changed by whoever was refused.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PATIENCE_MS, recordState } from './recorded-state.ts';
import { runWords } from './run-words.ts';

const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-bad-days-'));
const good = join(scratch, 'good');

beforeAll(async () => {
  await recordState(good);
}, PATIENCE_MS);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function writeVersion(path: string): void {
  const db = new Database(path);
  db.pragma('user_version = 99');
  db.close();
}

/** Digests of the databases; the side files of SQLite hold nothing that is not in them. */
function fingerprint(directory: string): Record<string, string> {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    return { file: String(statSync(directory, { throwIfNoEntry: false })?.size) };
  }
  const names = readdirSync(directory).filter((name) => /^(log|read)[.]db$/.test(name));
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex'),
    ]),
  );
}

type Trouble = readonly [
  title: string,
  make: (directory: string) => void,
  words: readonly string[],
  status: number,
  says: RegExp,
];

function copyGood(directory: string): void {
  cpSync(good, directory, { recursive: true });
}

const READERS = [['state'], ['events'], ['report', 'summary'], ['query', 'leaks']] as const;
const UPKEEP = [['verify'], ['rebuild'], ['backup', join(scratch, 'never')]] as const;
const WRITERS = [['collect', '--once']] as const;

function troubles(
  title: string,
  make: (directory: string) => void,
  status: number,
  says: RegExp,
  commands: readonly (readonly string[])[],
): Trouble[] {
  return commands.map((words) => [title, make, words, status, says]);
}

const ALL: readonly Trouble[] = [
  ...troubles('a directory that is missing', () => {}, 69, /does not exist/, [
    ...READERS,
    ...UPKEEP,
  ]),
  ...troubles(
    'a file where a directory should be',
    (path) => writeFileSync(path, 'x'),
    69,
    /is not a directory/,
    [...READERS, ...UPKEEP, ...WRITERS],
  ),
  ...troubles('a directory without a log', (path) => mkdirSync(path), 69, /holds no log\.db/, [
    ...READERS,
    ...UPKEEP,
  ]),
  ...troubles(
    'a log that is text',
    (path) => {
      mkdirSync(path);
      writeFileSync(join(path, 'log.db'), 'this is text\n');
    },
    4,
    /log\.db/,
    [...READERS, ...UPKEEP, ...WRITERS],
  ),
  ...troubles(
    'a log of a newer version',
    (path) => {
      copyGood(path);
      writeVersion(join(path, 'log.db'));
    },
    69,
    /version 99/,
    [...READERS, ...UPKEEP, ...WRITERS],
  ),
  ...troubles(
    'a log that was cut short',
    (path) => {
      copyGood(path);
      truncateSync(join(path, 'log.db'), 20_000);
    },
    4,
    /log\.db/,
    [...READERS, ...UPKEEP, ...WRITERS],
  ),
  ...troubles(
    'no read.db',
    (path) => {
      copyGood(path);
      for (const name of ['read.db', 'read.db-wal', 'read.db-shm']) {
        rmSync(join(path, name), { force: true });
      }
    },
    69,
    /nsaudit rebuild/,
    READERS,
  ),
  ...troubles(
    'a read.db of a newer version',
    (path) => {
      copyGood(path);
      writeVersion(join(path, 'read.db'));
    },
    69,
    /version 99/,
    READERS,
  ),
  ...troubles(
    'a read.db that was cut short',
    (path) => {
      copyGood(path);
      truncateSync(join(path, 'read.db'), 30_000);
    },
    4,
    /read\.db/,
    READERS,
  ),
];

describe('a state directory in trouble', () => {
  test.each(ALL)('%s: %s%j', async (_title, make, words, status, says) => {
    const directory = join(scratch, 'trouble');
    make(directory);
    const before = fingerprint(directory);
    const outcome = await runWords([...words, '--state-dir', directory]);
    const after = fingerprint(directory);
    rmSync(directory, { recursive: true, force: true });
    expect(outcome.stderr).toMatch(/^nsaudit: [^\n]+\n$/);
    expect(outcome.stderr).toMatch(says);
    expect(outcome.stderr).toContain(scratch);
    expect(outcome.stdout).toBe('');
    expect(outcome.status).toBe(status);
    expect(after).toEqual(before);
  });
});

test('a log that was tampered with: verify says where, and what came before is intact', async () => {
  const directory = join(scratch, 'tampered');
  copyGood(directory);
  const db = new Database(join(directory, 'log.db'));
  db.exec('DROP TRIGGER event_no_update');
  db.exec(`UPDATE event SET body = json_set(body, '$.profile', 'trampoline') WHERE seq = 2`);
  db.exec(
    `CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'event is append-only'); END`,
  );
  db.close();
  const { status, stdout, stderr } = await runWords(['verify', '--state-dir', directory]);
  expect(stdout).toMatch(/^verdict +tampered$/m);
  expect(stderr).toMatch(/^nsaudit: the log does not verify: [^\n]*event 2[^\n]*\n$/);
  expect(status).toBe(4);
});
