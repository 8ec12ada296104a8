/** What tests of disks that fill and fail ask a collector program and its record. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { EventOf } from '../../src/domain/event.ts';
import { only } from '../support/scan-builder.ts';
import { endProgram, LAUNCHER, type CollectorProgram } from './collector-program.ts';
import { readRecord, type Record } from './lab.ts';
import type { SmallDisk } from './small-disk.ts';

/** Waits for a line after the first `from`. */
export async function hears(
  { said, child }: CollectorProgram,
  line: RegExp,
  from = 0,
): Promise<void> {
  for (let patience = 0; !said.slice(from).some((each) => line.test(each)); patience += 1) {
    if (patience > 600 || child.exitCode !== null) {
      throw new Error(`${line} was not said, but: ${said.join('\n')}`);
    }
    await sleep(100);
  }
}

export async function stop({ child, said }: CollectorProgram): Promise<void> {
  await endProgram(child, 'SIGTERM');
  expect(child.exitCode, said.join('\n')).toBe(0);
}

export function verify(disk: SmallDisk): void {
  const { status, stdout, stderr } = spawnSync(
    LAUNCHER,
    ['verify', '--state-dir', disk.stateDirectory],
    { encoding: 'utf8' },
  );
  expect(status, stdout + stderr).toBe(0);
}

export interface Recording extends Record {
  readonly changes: readonly EventOf<'recording.changed'>[];
  readonly gaps: readonly EventOf<'observation.gap'>[];
}

export function readRecording(disk: SmallDisk): Recording {
  const record = readRecord(disk.stateDirectory);
  const changes = only(record.events, 'recording.changed');
  return { ...record, changes, gaps: only(record.events, 'observation.gap') };
}
