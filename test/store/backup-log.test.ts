/** A backup is the whole log of one moment, under a name that nothing had before. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { toStoredEvent } from '../../src/domain/event.ts';
import { backupLog } from '../../src/store/backup-log.ts';
import { openLogFile } from '../../src/store/event-log-reader.ts';
import { verifyLog } from '../../src/store/verify-log.ts';
import { pruneState } from '../support/pruned-state.ts';
import { dumpDatabase, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { startChild } from './child-program.ts';
import { refusalOf, refusing, snapshot, writeLog } from './disk.ts';
import { makeEvents } from './numbered-events.ts';
import { edit, tamper } from './tamper.ts';

const SIZES = [3, 1, 40];

async function verifyFile(path: string) {
  const reader = openLogFile(path);
  try {
    return { ...(await verifyLog(reader)), logId: reader.logId };
  } finally {
    reader.close();
  }
}

test('a backup has every row of the log, verifies, and leaves the log alone', async () => {
  using scratch = new Scratch();
  const directory = scratch.join('state');
  const target = scratch.join('copy.db');
  await writeLog(directory, SIZES);
  const before = snapshot(directory);
  await backupLog(directory, target);
  expect(snapshot(directory)).toEqual(before);
  expect(readdirSync(scratch.path).toSorted()).toEqual(['copy.db', 'state']);
  expect(statSync(target).mode & 0o7777).toBe(0o600);
  expect(dumpDatabase(target)).toBe(dumpDatabase(scratch.join('state', 'log.db')));
  const [copy, original] = [
    await verifyFile(target),
    await verifyFile(scratch.join('state', 'log.db')),
  ];
  expect(copy).toEqual(original);
  expect(copy).toMatchObject({ verdict: 'self-consistent', events: 44 });
});

test('a backup put in place of the log goes on where it ended', async () => {
  using scratch = new Scratch();
  await writeLog(scratch.join('state'), SIZES);
  mkdirSync(scratch.join('restored'));
  await backupLog(scratch.join('state'), scratch.join('restored', 'log.db'));
  const log = await openTestLog(scratch.join('restored'));
  const header = { producer: 'run-2', producerSeq: 1, atUs: 2_000_000, wallUs: 2_000_000 };
  expect(log.writer.appendBatch(makeEvents(45, 2), header).position).toBe(46);
  expect(await verifyLog(log.reader)).toMatchObject({ verdict: 'self-consistent', events: 46 });
  log.close();
});

test('a backup made while a collector appends is the log of one moment', async () => {
  using scratch = new Scratch();
  const directory = scratch.join('state');
  const child = startChild('append', [directory, 'run-1', '100000']);
  expect(await child.nextLine()).toBe('open');
  for (let round = 0; round < 5; round += 1) {
    await child.nextLine();
    const acknowledged = Number(child.lines.at(-1));
    const target = scratch.join(`copy-${round}.db`);
    await backupLog(directory, target);
    const { verdict, events } = await verifyFile(target);
    expect(verdict).toBe('self-consistent');
    expect(events).toBeGreaterThanOrEqual(acknowledged);
    const copy = openLogFile(target);
    const stored = copy.readEvents({ after: 0, limit: events + 1 });
    copy.close();
    expect(stored).toEqual(makeEvents(1, events).map(toStoredEvent));
  }
  await child.kill();
});

describe('a backup that cannot be made is refused and leaves nothing', () => {
  test('where a file is: a backup overwrites nothing', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.join('state'), SIZES);
    writeFileSync(scratch.join('copy.db'), 'of somebody else');
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() =>
      backupLog(scratch.join('state'), scratch.join('copy.db')),
    );
    expect(refusal).toEqual(
      refusing('usage', scratch.join('copy.db'), /overwrites nothing; name a new file/),
    );
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test('over the log itself', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, SIZES);
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() => backupLog(scratch.path, scratch.join('log.db')));
    expect(refusal).toMatchObject({ code: 'usage' });
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test('in a directory that does not exist', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.join('state'), SIZES);
    const before = snapshot(scratch.path);
    const target = scratch.join('absent', 'copy.db');
    const refusal = await refusalOf(() => backupLog(scratch.join('state'), target));
    expect(refusal).toEqual(refusing('io', target, /ENOENT/));
    expect(snapshot(scratch.path)).toEqual(before);
  });

  test('of a log that is none', async () => {
    using scratch = new Scratch();
    mkdirSync(scratch.join('state'));
    writeFileSync(scratch.join('state', 'log.db'), 'text\n'.repeat(1_000));
    const before = snapshot(scratch.path);
    const refusal = await refusalOf(() =>
      backupLog(scratch.join('state'), scratch.join('copy.db')),
    );
    expect(refusal).toEqual(
      refusing('integrity', scratch.join('state', 'log.db'), /no SQLite database/),
    );
    expect(snapshot(scratch.path)).toEqual(before);
  });
});

describe('a backup that fails on the way leaves nothing', () => {
  test('of a log whose pages are damaged', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.join('state'), [400]);
    const path = scratch.join('state', 'log.db');
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xff, bytes.length - 8_192, bytes.length - 4_096));
    const before = snapshot(scratch.join('state'));
    const refusal = await refusalOf(() =>
      backupLog(scratch.join('state'), scratch.join('copy.db')),
    );
    expect(refusal).toEqual(refusing('integrity', path, /is damaged; .* restore a backup/));
    expect(snapshot(scratch.join('state'))).toEqual(before);
    expect(readdirSync(scratch.path)).toEqual(['state']);
  });

  test('and one that was killed on the way is not in the way of the next', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.join('state'), SIZES);
    writeFileSync(scratch.join('copy.db.partial'), 'half of one'.repeat(1_000));
    await backupLog(scratch.join('state'), scratch.join('copy.db'));
    expect(await verifyFile(scratch.join('copy.db'))).toMatchObject({ events: 44 });
    expect(readdirSync(scratch.path)).not.toContain('copy.db.partial');
  });
});

test('a log that does not verify gives no backup that would be taken for a good one', async () => {
  using scratch = new Scratch();
  await writeLog(scratch.join('state'), SIZES);
  const path = scratch.join('state', 'log.db');
  tamper(path, [edit(2)]);
  const refusal = await refusalOf(() => backupLog(scratch.join('state'), scratch.join('copy.db')));
  expect(refusal).toEqual(refusing('integrity', path, /does not verify: the hash of event 2/));
  expect(readdirSync(scratch.path)).toEqual(['state']);
});

test('a backup of a pruned log verifies, and goes on where it ended', async () => {
  using scratch = new Scratch();
  await writeLog(scratch.join('state'), SIZES);
  await pruneState(scratch.join('state'), { beforeSeq: 5 });
  mkdirSync(scratch.join('restored'));
  const target = scratch.join('restored', 'log.db');
  expect(await backupLog(scratch.join('state'), target)).toMatchObject({
    verdict: 'self-consistent',
    events: 45,
    pruned: { events: 4 },
  });
  const log = await openTestLog(scratch.join('restored'));
  const header = { producer: 'run-2', producerSeq: 1, atUs: 2_000_000, wallUs: 2_000_000 };
  expect(log.writer.appendBatch(makeEvents(46, 2), header).position).toBe(47);
  log.close();
});
