/** State directories that must be refused, real files each: the code, the sentence, and not a byte changed. Other users: other-user.test.ts. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/domain/errors.ts';
import { openLogReader } from '../../src/store/event-log-reader.ts';
import { openTestLog, Scratch } from '../support/state-on-disk.ts';
import { refusalOf, refusing, snapshot, writeLog } from './disk.ts';

const SIZES = [3, 40, 2];

function removeSideFiles(logPath: string): void {
  rmSync(`${logPath}-wal`);
  rmSync(`${logPath}-shm`);
}

function overwrite(path: string, offset: number, bytes: Buffer): void {
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}

/** Changes the log with SQLite; a connection that stays open meanwhile decides whether side files stay. */
function change(logPath: string, sql: string, sideFiles: 'kept' | 'removed'): void {
  const keeper = new Database(logPath, { readonly: true });
  keeper.prepare('SELECT count(*) FROM sqlite_schema').get();
  const db = new Database(logPath);
  db.exec(sql);
  db.close();
  keeper.close();
  if (sideFiles === 'removed') {
    // Without a keeper, the last connection to close takes them away.
    const last = new Database(logPath);
    last.pragma('wal_checkpoint(TRUNCATE)');
    last.close();
  }
}

interface Trouble {
  readonly title: string;
  readonly make: (directory: string) => Promise<void> | void;
  /** What the refusal says to whom. Null: the writer makes a new log of it. */
  readonly reader: readonly [code: ErrorCode, says: RegExp];
  readonly writer: readonly [code: ErrorCode, says: RegExp] | null;
}

function both(code: ErrorCode, says: RegExp): Pick<Trouble, 'reader' | 'writer'> {
  return { reader: [code, says], writer: [code, says] };
}

const BACKUP = /restore a backup/;

const TROUBLES: readonly Trouble[] = [
  {
    title: 'a directory that does not exist',
    make: () => {},
    reader: ['unavailable', /does not exist; start the collector .* --state-dir/],
    writer: null,
  },
  {
    title: 'a file where a directory should be',
    make: (path) => writeFileSync(path, 'text'),
    ...both('unavailable', /is not a directory; name .* --state-dir/),
  },
  {
    title: 'a directory without a log',
    make: (path) => {
      mkdirSync(path);
      writeFileSync(`${path}/notes.txt`, 'of somebody else');
    },
    reader: ['unavailable', /holds no log\.db, .* --state-dir/],
    writer: null,
  },
  {
    title: 'a log without a byte',
    make: (path) => {
      mkdirSync(path);
      writeFileSync(`${path}/log.db`, '');
    },
    reader: ['unavailable', /is empty .*; start one with nsaudit collect/],
    writer: null,
  },
  {
    title: 'a log that is text',
    make: (path) => {
      mkdirSync(path);
      writeFileSync(`${path}/log.db`, 'text\n'.repeat(1_000));
    },
    ...both('integrity', /no SQLite database; name .* --state-dir/),
  },
  {
    title: 'a log of five bytes',
    make: (path) => {
      mkdirSync(path);
      writeFileSync(`${path}/log.db`, 'text\n');
    },
    ...both('integrity', /no SQLite database; name .* --state-dir/),
  },
  {
    title: 'a log that is a directory',
    make: (path) => mkdirSync(`${path}/log.db`, { recursive: true }),
    ...both('io', /is a directory \(EISDIR\); move it away/),
  },
  {
    title: 'the database of another program',
    make: (path) => {
      mkdirSync(path);
      const db = new Database(`${path}/log.db`);
      db.exec('CREATE TABLE event (id INTEGER PRIMARY KEY, title TEXT)');
      db.close();
    },
    ...both('unavailable', /not written by nsaudit .*; name .* --state-dir/),
  },
  {
    title: 'the database of another program that is in use',
    make: async (path) => {
      await writeLog(path, SIZES);
      change(`${path}/log.db`, 'PRAGMA application_id = 7', 'kept');
    },
    ...both('unavailable', /not written by nsaudit .*; name .* --state-dir/),
  },
  {
    title: 'a newer format',
    make: async (path) => {
      await writeLog(path, SIZES);
      change(`${path}/log.db`, 'PRAGMA user_version = 99', 'removed');
    },
    ...both('unavailable', /version 99 .*; use the newer nsaudit/),
  },
  {
    title: 'a newer format beside side files',
    make: async (path) => {
      await writeLog(path, SIZES);
      change(`${path}/log.db`, 'PRAGMA user_version = 99', 'kept');
    },
    ...both('unavailable', /version 99 .*; use the newer nsaudit/),
  },
  {
    title: 'a first page whose header is overwritten',
    make: async (path) => {
      await writeLog(path, SIZES);
      overwrite(`${path}/log.db`, 0, Buffer.alloc(100, 0xff));
      removeSideFiles(`${path}/log.db`);
    },
    ...both('integrity', BACKUP),
  },
  {
    title: 'a first page whose header is overwritten, beside side files',
    make: async (path) => {
      await writeLog(path, SIZES);
      overwrite(`${path}/log.db`, 0, Buffer.alloc(100, 0xff));
    },
    ...both('integrity', BACKUP),
  },
  {
    title: 'a first page whose content is overwritten',
    make: async (path) => {
      await writeLog(path, SIZES);
      overwrite(`${path}/log.db`, 100, Buffer.alloc(400, 0xff));
    },
    ...both('integrity', BACKUP),
  },
  {
    title: 'a log cut in the middle of a page',
    make: async (path) => {
      await writeLog(path, SIZES);
      truncateSync(`${path}/log.db`, 20_000);
      removeSideFiles(`${path}/log.db`);
    },
    ...both('integrity', /cut short: .*; restore a backup/),
  },
  {
    title: 'a log that lacks its last page',
    make: async (path) => {
      await writeLog(path, SIZES);
      truncateSync(`${path}/log.db`, statSync(`${path}/log.db`).size - 4_096);
      removeSideFiles(`${path}/log.db`);
    },
    ...both('integrity', /cut short: .*; restore a backup/),
  },
  {
    title: 'a log that lacks its last pages, beside side files',
    make: async (path) => {
      await writeLog(path, SIZES);
      truncateSync(`${path}/log.db`, 8_192);
    },
    ...both('integrity', BACKUP),
  },
];

const TO_READERS = TROUBLES.map(({ title, make, reader }) => [title, make, ...reader] as const);
const TO_WRITERS = TROUBLES.flatMap(({ title, make, writer }) =>
  writer ? [[title, make, ...writer] as const] : [],
);
const WRITABLE = TROUBLES.flatMap(({ title, make, writer }) =>
  writer ? [] : [[title, make] as const],
);

describe('a state directory that cannot be used is refused and left as it was', () => {
  test.each(TO_READERS)('%s, by who reads', async (_title, make, code, says) => {
    using scratch = new Scratch();
    const directory = scratch.join('state');
    await make(directory);
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => openLogReader(directory));
    expect(snapshot(scratch.path)).toEqual(before);
    expect(refusal).toEqual(refusing(code, directory, says));
  });

  test.each(TO_WRITERS)('%s, by who writes', async (_title, make, code, says) => {
    using scratch = new Scratch();
    const directory = scratch.join('state');
    await make(directory);
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => openTestLog(directory));
    expect(snapshot(scratch.path)).toEqual(before);
    expect(refusal).toEqual(refusing(code, directory, says));
  });

  test('a log whose last batch lost an event, by who writes', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    change(
      scratch.join('log.db'),
      'DROP TRIGGER event_no_delete; DELETE FROM event WHERE seq = 45',
      'kept',
    );
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => openTestLog(scratch.path));
    expect(snapshot(scratch.path)).toEqual(before);
    const says = /event 45 is missing .* nsaudit verify and restore a backup/;
    expect(refusal).toEqual(refusing('integrity', scratch.join('log.db'), says));
  });

  test('a directory below a file, by who would have to create it', async () => {
    using scratch = new Scratch();
    writeFileSync(scratch.join('file'), 'text');
    const before = snapshot(scratch.path);
    const directory = scratch.join('file', 'state');
    const refusal = await refusalOf(() => openTestLog(directory));
    expect(snapshot(scratch.path)).toEqual(before);
    const says = /a part of the path is a file \(ENOTDIR\); name another/;
    expect(refusal).toEqual(refusing('io', directory, says));
  });
});

test.each(WRITABLE)(
  '%s: a collector makes a log there, and leaves the rest alone',
  async (_title, make) => {
    using scratch = new Scratch();
    const directory = scratch.join('state');
    await make(directory);
    const others = Object.entries(snapshot(directory)).filter(([path]) => path.endsWith('.txt'));
    await writeLog(directory, SIZES);
    const reader = openLogReader(directory);
    expect(reader.head().position).toBe(45);
    reader.close();
    expect(Object.entries(snapshot(directory))).toEqual(expect.arrayContaining(others));
  },
);

describe('a new state directory', () => {
  test.each([0o000, 0o022, 0o077])(
    'has files for owner and group only, whatever the umask (%i)',
    async (umask) => {
      using scratch = new Scratch();
      const before = process.umask(umask);
      try {
        await writeLog(scratch.join('state'), SIZES);
      } finally {
        process.umask(before);
      }
      const modes = readdirSync(scratch.join('state')).map(
        (name) => [name, statSync(scratch.join('state', name)).mode & 0o7777] as const,
      );
      expect(Object.fromEntries(modes)).toEqual({
        'log.db': 0o640,
        'log.db-wal': 0o640,
        'log.db-shm': 0o640,
        'collector.lock': 0o640,
      });
      expect(statSync(scratch.join('state')).mode & 0o7777).toBe(0o750 & ~umask);
    },
  );

  test('keeps an empty -wal and a -shm after each clean close', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    expect(statSync(scratch.join('log.db-wal')).size).toBe(0);
    expect(statSync(scratch.join('log.db-shm')).isFile()).toBe(true);
    const log = await openTestLog(scratch.path);
    log.close();
    expect(statSync(scratch.join('log.db-wal')).size).toBe(0);
    expect(statSync(scratch.join('log.db-shm')).isFile()).toBe(true);
  });
});
