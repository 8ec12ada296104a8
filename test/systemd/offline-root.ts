/** A file system root of our own for the offline modes of systemd's tools: nothing of the host is read or written. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listUnits, UNIT_DIRECTORY } from './unit-file.ts';

/** The units of the base system that ours, or the defaults of ours, refer to. */
const BASE_UNITS = [
  'sysinit',
  'basic',
  'shutdown',
  'sockets',
  'timers',
  'multi-user',
  'time-set',
  'time-sync',
];

export interface OfflineRoot {
  readonly path: string;
  readonly unitDirectory: string;
  remove(): void;
}

/** Lays out the installed state: our units, stand-ins for the targets they join, and the programs they start. */
export function createOfflineRoot(): OfflineRoot {
  const path = mkdtempSync(join(tmpdir(), 'nsaudit-units-'));
  const unitDirectory = join(path, 'etc/systemd/system');
  const baseDirectory = join(path, 'usr/lib/systemd/system');
  for (const directory of [
    unitDirectory,
    baseDirectory,
    join(path, 'usr/bin'),
    join(path, 'bin'),
  ]) {
    mkdirSync(directory, { recursive: true });
  }
  for (const name of BASE_UNITS) {
    writeFileSync(join(baseDirectory, `${name}.target`), `[Unit]\nDescription=${name}\n`);
  }
  for (const name of listUnits('.service', '.socket', '.timer')) {
    copyFileSync(join(UNIT_DIRECTORY, name), join(unitDirectory, name));
  }
  for (const program of ['usr/bin/nsaudit', 'bin/sh', 'bin/mkdir', 'bin/systemctl']) {
    writeFileSync(join(path, program), '#!/bin/sh\n');
    chmodSync(join(path, program), 0o755);
  }
  return { path, unitDirectory, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface ToolResult {
  /** null when the program could not be started or was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with no pager, no colours and an English message catalogue. */
export function run(program: string, ...parameters: readonly string[]): ToolResult {
  const { status, stdout, stderr } = spawnSync(program, parameters, {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C',
      SYSTEMD_COLORS: '0',
    },
  });
  return { status, stdout: stdout ?? '', stderr: stderr ?? '' };
}

/** Whether a program is installed and starts. */
export function isInstalled(program: string): boolean {
  return run(program, '--version').status === 0;
}

/** What stands before the title of a test that cannot run here, so that the skip is seen. */
export function skipNotice(missing: readonly string[]): string {
  return missing.length === 0 ? '' : `SKIPPED, needs ${missing.join(' and ')}: `;
}
