/** A directory without a log, but with what may be left of one: nothing of it is lost or mixed up. */
import { renameSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { tellStory } from '../support/scan-model.ts';
import { openTestLog, Scratch, withState, writeState } from '../support/state-on-disk.ts';
import { refusalOf, refusing, snapshot } from './disk.ts';

describe('a directory without a log', () => {
  test.each<
    [title: string, make: (path: string) => void, code: 'unavailable' | 'integrity', RegExp]
  >([
    [
      'whose read.db is another program’s database',
      (path) => {
        const db = new Database(path);
        db.exec('CREATE TABLE bookmark (url TEXT)');
        db.close();
      },
      'unavailable',
      /was not written by nsaudit/,
    ],
    [
      'whose read.db is no database',
      (path) => writeFileSync(path, 'notes'),
      'integrity',
      /is no SQLite database/,
    ],
  ])('%s is refused and left alone', async (_title, make, code, says) => {
    using scratch = new Scratch();
    make(scratch.join('read.db'));
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => openTestLog(scratch.path));
    expect(refusal).toEqual(refusing(code, scratch.join('read.db'), says));
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test('that still has the unwritten part of one is refused and left alone', async () => {
    using scratch = new Scratch();
    writeFileSync(scratch.join('log.db-wal'), 'frames');
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => openTestLog(scratch.path));
    expect(refusal).toEqual(
      refusing('unavailable', scratch.join('log.db-wal'), /without its log\.db/),
    );
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test('whose read.db is one of ours begins a new record', async () => {
    using scratch = new Scratch();
    await writeState(scratch.path, tellStory([{ do: 'scan', without: null }]));
    renameSync(scratch.join('log.db'), scratch.join('old-log.db'));
    await withState(scratch.path, ({ log, projection }) => {
      expect(log.writer.head().position).toBe(0);
      expect(projection.known.position).toBe(0);
      expect(projection.rebuildReason).toMatch(/folded from log/);
    });
  });
});
