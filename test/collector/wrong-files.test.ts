/**
 * Files that are not those of this record any more: an older copy, one without its -wal, one of another host or
 * boot, and files that are taken away below a running collector. Real: collector, databases, clocks.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { refusalOf, refusing, verify } from '../store/disk.ts';
import { only } from '../support/scan-builder.ts';
import { ProcCollector } from './proc-collector.ts';

const OTHER_BOOT = '00000000-8de7-4e45-babe-ffdf1b3658aa';

/** Runs, calls `meanwhile` once it has looked, and stops it then. */
async function runWith(
  collector: ProcCollector,
  meanwhile: () => Promise<void> | void,
): Promise<void> {
  const abort = new AbortController();
  let running = Promise.resolve();
  const looked = new Promise<void>((isLooking) => {
    running = collector.run({ signal: abort.signal, onScan: () => isLooking() });
  });
  await Promise.race([looked, running]);
  await meanwhile();
  abort.abort();
  await running;
}

function removeSideFiles(path: string): void {
  rmSync(`${path}-wal`, { force: true });
  rmSync(`${path}-shm`, { force: true });
}

describe('the collector refuses', () => {
  test('an older copy of the log: read.db has seen more of it; without read.db it goes on', async () => {
    using collector = new ProcCollector();
    await collector.run({ once: true });
    const logPath = join(collector.stateDirectory, 'log.db');
    const readPath = join(collector.stateDirectory, 'read.db');
    copyFileSync(logPath, collector.join('older.db'));
    const { length } = collector.readLog();
    collector.tree.addProcess(77);
    await collector.run({ once: true });
    copyFileSync(collector.join('older.db'), logPath);
    removeSideFiles(logPath);
    const refusal = await refusalOf(() => collector.run({ once: true }));
    expect(refusal).toEqual(refusing('integrity', readPath, /older copy/));
    expect(refusal.message).toContain(`ends at event ${length}, and`);
    expect(collector.readLog()).toHaveLength(length);
    renameSync(readPath, collector.join('read.db'));
    removeSideFiles(readPath);
    await collector.run({ once: true });
    expect(collector.readLog().length).toBeGreaterThan(length);
  });

  test('a log whose -wal was deleted after a kill', async () => {
    using collector = new ProcCollector();
    const killed = collector.join('killed');
    mkdirSync(killed);
    await runWith(collector, () => {
      // As a kill leaves them: what was committed is in the -wal only.
      cpSync(collector.stateDirectory, killed, {
        recursive: true,
        filter: (path) => !path.includes('log.db-') && !path.includes('collector.lock'),
      });
    });
    const refusal = await refusalOf(() => collector.run({ once: true, stateDirectory: killed }));
    expect(refusal).toEqual(refusing('integrity', join(killed, 'read.db'), /-wal was deleted/));
  });

  test('the record of another host', async () => {
    using collector = new ProcCollector();
    writeFileSync(collector.machineIdPath, `${'a'.repeat(32)}\n`);
    await collector.run({ once: true });
    const events = collector.readLog();
    writeFileSync(collector.machineIdPath, `${'b'.repeat(32)}\n`);
    const refusal = await refusalOf(() => collector.run({ once: true }));
    expect(refusal).toEqual(
      refusing('unavailable', join(collector.stateDirectory, 'log.db'), /the record of host/),
    );
    expect(collector.readLog()).toEqual(events);
  });

  test('a record that another boot went on with after this one had begun', async () => {
    using collector = new ProcCollector();
    await collector.run({ once: true });
    collector.boot(OTHER_BOOT);
    await collector.run({ once: true });
    const events = collector.readLog();
    collector.boot('5e98bcd4-8de7-4e45-babe-ffdf1b3658aa');
    const refusal = await refusalOf(() => collector.run({ once: true }));
    expect(refusal).toEqual(
      refusing('unavailable', join(collector.stateDirectory, 'log.db'), /another host has used it/),
    );
    expect(collector.readLog()).toEqual(events);
  });
});

describe('below a running collector', () => {
  test('a -wal that is deleted costs a gap and nothing that was recorded', async () => {
    using collector = new ProcCollector();
    const logPath = join(collector.stateDirectory, 'log.db');
    await runWith(collector, async () => {
      await sleep(300);
      rmSync(`${logPath}-wal`);
      for (let patience = 0; !existsSync(`${logPath}-wal`) && patience < 100; patience += 1) {
        await sleep(100);
      }
      for (let patience = 0; patience < 100; patience += 1) {
        if (collector.said.some((line) => line.includes('is a gap in it'))) {
          break;
        }
        await sleep(100);
      }
      await sleep(500);
    });
    expect(collector.said.join('\n')).toMatch(/log\.db-wal was deleted while/);
    const events = collector.readLog();
    expect(only(events, 'namespace.born')).toHaveLength(8);
    expect(only(events, 'observation.gap')).toMatchObject([{ reason: 'suspended' }]);
    expect(only(events, 'recording.changed').map(({ level }) => level)).toEqual([
      'suspended',
      'ample',
    ]);
    expect(events.at(-1)?.event).toBe('collector.stopped');
    expect(await verify(logPath)).toMatchObject({ verdict: 'self-consistent' });
  });

  test('a log that is moved away is said, and nothing goes on', async () => {
    using collector = new ProcCollector();
    const logPath = join(collector.stateDirectory, 'log.db');
    const refusal = await refusalOf(() =>
      runWith(collector, async () => {
        await sleep(100);
        renameSync(logPath, collector.join('moved.db'));
        await sleep(4_000);
      }),
    );
    expect(refusal).toEqual(refusing('integrity', logPath, /was moved, deleted or replaced/));
  });
});
