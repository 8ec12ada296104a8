/**
 * An unprivileged reader and the modes of the units: who may read a WAL database that root writes, in each
 * state the collector can leave it. Real SQLite files, a real writer as root, a real reader as another user
 * who is in the group of the files and may write none of them.
 */
import type { ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  asStranger,
  end,
  missingForConfinement,
  runConfined,
  startConfined,
  STRANGER,
} from './confined-process.ts';
import { skipNotice } from './offline-root.ts';
import { readUnit } from './unit-file.ts';

const missing = missingForConfinement();
const sqlite = fileURLToPath(new URL('../../node_modules/better-sqlite3', import.meta.url));
const collector = readUnit('nsaudit-collector.service');
const directoryMode = Number.parseInt(collector.values('StateDirectoryMode')[0] ?? '', 8);
const umask = collector.values('UMask')[0] ?? '';

/** Writes one row, says so, and on SIGTERM closes: with a read-only connection still open when `keep` is given. */
const WRITE = `
  const [path, umask, keep] = process.argv.slice(1);
  process.umask(parseInt(umask, 8));
  const Database = require(${JSON.stringify(sqlite)});
  const writer = new Database(path);
  writer.pragma('journal_mode = WAL');
  writer.exec('CREATE TABLE IF NOT EXISTS sighting (seq INTEGER PRIMARY KEY); INSERT INTO sighting DEFAULT VALUES');
  const keeper = keep ? new Database(path, { readonly: true }) : null;
  keeper?.prepare('SELECT 1 FROM sighting').get();
  process.on('SIGTERM', () => {
    writer.pragma('wal_checkpoint(TRUNCATE)');
    writer.close();
    keeper?.close();
    process.exit(0);
  });
  setInterval(() => {}, 60000);
  console.log('written');`;

/** Prints the number of rows, or the code of the error. */
const READ = `
  const Database = require(${JSON.stringify(sqlite)});
  try {
    const reader = new Database(process.argv[1], { readonly: true });
    console.log(reader.prepare('SELECT count(*) AS rows FROM sighting').get().rows);
  } catch (error) {
    console.log(error.code);
  }`;

describe.skipIf(missing.length > 0)(
  `${skipNotice(missing)}a reader who may write neither the record nor its directory`,
  () => {
    let parent = '';
    let path = '';
    let writer: ChildProcess | null = null;

    beforeEach(() => {
      parent = mkdtempSync(join(tmpdir(), 'nsaudit-readers-'));
      chmodSync(parent, 0o755);
      const state = join(parent, 'state');
      mkdirSync(state);
      chownSync(state, 0, STRANGER);
      chmodSync(state, directoryMode);
      path = join(state, 'log.db');
    });

    afterEach(async () => {
      await stop('SIGKILL');
      rmSync(parent, { recursive: true, force: true });
    });

    async function write(keep: 'keep' | '' = 'keep'): Promise<void> {
      writer = await startConfined(
        ['--no-new-privs'],
        process.execPath,
        '--eval',
        WRITE,
        '--',
        path,
        umask,
        keep,
      );
    }

    async function stop(signal: NodeJS.Signals): Promise<void> {
      if (writer) {
        await end(writer, signal);
        writer = null;
      }
    }

    function read(gid = STRANGER): string {
      const result = runConfined(asStranger(gid), READ, path);
      expect(result.stderr).toBe('');
      return result.stdout.trim();
    }

    it('reads while the collector writes, and finds all three files readable by the group only', async () => {
      await write();
      expect(read()).toBe('1');
      for (const file of [path, `${path}-wal`, `${path}-shm`]) {
        const { mode, uid, gid } = statSync(file);
        expect({ mode: mode & 0o7777, uid, gid }).toEqual({ mode: 0o640, uid: 0, gid: STRANGER });
      }
    });

    it('reads what was committed before the collector was killed', async () => {
      await write();
      await stop('SIGKILL');
      expect(read()).toBe('1');
    });

    it('reads after a clean stop, because the side files stay while a read-only connection outlives the writer', async () => {
      await write('keep');
      await stop('SIGTERM');
      expect(statSync(`${path}-wal`).size).toBe(0);
      expect(read()).toBe('1');
      await write('keep');
      expect(read()).toBe('2');
    });

    it('could not read after a stop that removed the side files', async () => {
      await write('');
      await stop('SIGTERM');
      expect(read()).toBe('SQLITE_READONLY_DIRECTORY');
    });

    it.each(['-wal', '-shm'])('could not read while %s is closed to the group', async (side) => {
      await write();
      chmodSync(`${path}${side}`, 0o600);
      expect(read()).toBe('SQLITE_CANTOPEN');
    });

    it('is refused outside the group', async () => {
      await write();
      expect(read(STRANGER + 1)).toBe('SQLITE_CANTOPEN');
    });
  },
);
