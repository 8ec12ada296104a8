import { mkdtempSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openHistory } from '../../src/history/open-history.ts';
import { HOST, inNet, NET, others, recordHost, text } from './recorded-host.ts';

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-history-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function unavailable(message: RegExp) {
  return expect.objectContaining({ code: 'unavailable', message: expect.stringMatching(message) });
}

describe('a directory without a record', () => {
  test('that does not exist, or holds no log, is refused with what to do', () => {
    const directory = emptyDirectory();
    expect(() => openHistory({ stateDirectory: join(directory, 'none') })).toThrow(
      unavailable(/does not exist; start the collector/),
    );
    expect(() => openHistory({ stateDirectory: directory })).toThrow(unavailable(/no log\.db/));
  });

  test('whose read.db is missing is refused, and the log can make it again', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    host.end();
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(join(host.directory, `read.db${suffix}`), { force: true });
    }
    expect(() => openHistory({ stateDirectory: host.directory })).toThrow(
      unavailable(/nsaudit rebuild/),
    );
  });

  test('whose collector has not scanned yet is refused', async () => {
    const host = await recordHost();
    expect(() => host.history.state({})).not.toThrow();
    const db = new Database(join(host.directory, 'read.db'));
    db.exec('DELETE FROM projection');
    db.close();
    expect(() => host.history.state({})).toThrow(unavailable(/nothing has been recorded yet/));
  });

  test('whose read.db is of a newer version, or of another program, is refused', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    const change = (pragma: string) => {
      const db = new Database(join(host.directory, 'read.db'));
      db.pragma(pragma);
      db.close();
    };
    change('user_version = 99');
    expect(() => openHistory({ stateDirectory: host.directory })).toThrow(
      unavailable(/version 99/),
    );
    change('user_version = 0');
    expect(() => openHistory({ stateDirectory: host.directory })).toThrow(
      unavailable(/nsaudit rebuild/),
    );
    change('application_id = 1');
    expect(() => openHistory({ stateDirectory: host.directory })).toThrow(
      unavailable(/not written by nsaudit/),
    );
  });

  test('whose read.db is no database is refused as damaged', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    const other = emptyDirectory();
    const paths = ['log.db', 'read.db'].map((name) => join(other, name));
    const db = new Database(join(host.directory, 'log.db'), { readonly: true });
    db.exec(`VACUUM INTO '${paths[0]}'`);
    db.close();
    writeFileSync(
      paths[1] ?? '',
      'this is no database, and long enough to be taken for a header'.repeat(9),
    );
    expect(() => openHistory({ stateDirectory: other })).toThrow(
      expect.objectContaining({
        code: 'integrity',
        message: expect.stringMatching(/rebuild|backup/),
      }),
    );
  });
});

describe('a record that changes', () => {
  test('a rebuilt read.db is taken up by the next question', async () => {
    const host = await recordHost();
    host.watch(10, 12, [...others, inNet(50)]);
    const before = host.history.state({ limit: 4 });
    const path = join(host.directory, 'read.db');
    const { ino } = statSync(path);
    await host.rebuild();
    expect(statSync(path).ino).not.toBe(ino);
    host.watch(13, 14, [...others, inNet(50), inNet(51)]);
    expect(host.lives()[0]?.holders).toEqual({ now: 2, ever: 2 });
    const after = host.history.state({ limit: 4, cursor: before.page.next ?? '' });
    expect(after.data).toHaveLength(4);
  });

  test('a question sees what was committed before it, and nothing of later', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    expect(host.history.status()).toMatchObject({
      host: HOST,
      position: host.auditor.known.position,
      head: host.auditor.known.position,
      isCollecting: true,
      lastScanAt: text(11),
      gapCount: 0,
      gapTotalUs: 0,
      lossCount: 0,
      lostCount: 0,
    });
    host.watch(12, 13, [...others, inNet(50)]);
    expect(host.history.status()).toMatchObject({ lastScanAt: text(13) });
    expect(host.history.status().namespaces).toMatchObject({ net: 2, uts: 1 });
  });

  test('records that the kernel lost are counted apart from the other gaps', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    const read = new Database(join(host.directory, 'read.db'));
    const insert = read.prepare(
      'INSERT INTO gap (seq, source, lost, from_us, to_us, reason) VALUES (?, ?, ?, 1, 3, ?)',
    );
    insert.run(1_001, 'kernel', 30, 'lost');
    insert.run(1_002, 'kernel-holders', 4, 'lost');
    insert.run(1_003, 'kernel', null, 'killed');
    read.close();
    const { gapCount, gapTotalUs, lossCount, lostCount } = host.history.status();
    expect({ gapCount, gapTotalUs, lossCount, lostCount }).toEqual({
      gapCount: 3,
      gapTotalUs: 6,
      lossCount: 2,
      lostCount: 34,
    });
  });

  test('a read.db of another log is not answered for that log', async () => {
    const host = await recordHost();
    host.watch(10, 11, others);
    const other = await recordHost();
    other.watch(10, 11, others);
    const log = new Database(join(other.directory, 'log.db'), { readonly: true });
    const moved = join(host.directory, 'other.db');
    log.exec(`VACUUM INTO '${moved}'`);
    log.close();
    for (const suffix of ['-wal', '-shm']) {
      unlinkSync(join(host.directory, `log.db${suffix}`));
    }
    renameSync(moved, join(host.directory, 'log.db'));
    expect(() => host.history.events({})).toThrow(
      expect.objectContaining({ code: 'integrity', message: expect.stringContaining('rebuild') }),
    );
  });

  test('a history that is closed leaves nothing open, and reading writes nothing', async () => {
    const host = await recordHost();
    host.watch(10, 11, [...others, inNet(50)]);
    const path = join(host.directory, 'read.db');
    const { mtimeNs, size } = statSync(path, { bigint: true });
    expect(host.lives(NET)).toHaveLength(1);
    host.history.report({ name: 'summary' });
    expect(statSync(path, { bigint: true })).toMatchObject({ mtimeNs, size });
    host.history.close();
    expect(host.lives(NET)).toHaveLength(1);
  });
});
