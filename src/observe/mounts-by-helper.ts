/**
 * Mount namespaces that no process is in, on kernels before 6.11: a short-lived program enters them and reads
 * (enter-mounts.ts).
 *
 * Holds:     when the program ran last, and for which mount namespaces.
 * Promises:  the program runs when a mount namespace is new, and twice a minute at most else; it is killed
 *            when it takes long, and not started again once the kernel has refused to let it enter.
 * Does not:  find such namespaces (procfs-mounts.ts).
 * Proved by: test/kernel/hidden-mounts.test.ts
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MountinfoEntry } from './mountinfo.ts';
import type { MountsTold } from './mounts-by-id.ts';

export interface EnteredSight {
  readonly inum: number;
  readonly path: string;
}

/** What the program prints, for each sight in the order given. */
export type EnteredMounts =
  | { readonly inum: number; readonly entries: readonly MountinfoEntry[] }
  | { readonly inum: number; readonly reason: string };

export interface MountsByHelperReader {
  /** By inum. `NOT_DUE` as reason: it was asked not long ago, and nothing is known of what it is now. */
  read(sights: readonly EnteredSight[]): ReadonlyMap<number, MountsTold>;
}

/** It is not unreadable: it is looked at less often than other places. */
export const NOT_DUE = 'not due';

const PROGRAM = 'enter-mounts.js';
const FROM_SOURCE = '../../dist/src/observe';
const REST_MS = 30_000;
const PATIENCE_MS = 5_000;
const OUTPUT_MAX_BYTES = 64 * 1_024 * 1_024;
const REFUSED = 'EPERM';
const NO_ANSWER = 'no answer';

/** `nowMs` is any clock that does not run backwards. */
export function createMountsByHelperReader(
  procRoot: string,
  nowMs: () => number = () => performance.now(),
): MountsByHelperReader {
  const program = findProgram();
  let refusal: string | null = program === undefined ? NO_ANSWER : null;
  let askedMs = Number.NEGATIVE_INFINITY;
  let asked: ReadonlySet<number> = new Set();
  return {
    read(sights) {
      const isDue = nowMs() - askedMs >= REST_MS || sights.some(({ inum }) => !asked.has(inum));
      if (sights.length === 0 || refusal !== null || !isDue || program === undefined) {
        const reason = refusal ?? NOT_DUE;
        return new Map(sights.map(({ inum }) => [inum, { reason }]));
      }
      asked = new Set(sights.map(({ inum }) => inum));
      const answers = run(program, procRoot, sights);
      askedMs = nowMs();
      if (answers.some((answer) => 'reason' in answer && answer.reason === REFUSED)) {
        refusal = REFUSED;
      }
      const told = new Map<number, MountsTold>(answers.map((answer) => [answer.inum, answer]));
      return new Map(sights.map(({ inum }) => [inum, told.get(inum) ?? { reason: NO_ANSWER }]));
    },
  };
}

/** Beside this module once built, in dist when running from source. */
function findProgram(): string | undefined {
  return ['.', FROM_SOURCE]
    .map((from) => join(import.meta.dirname, from, PROGRAM))
    .find((path) => existsSync(path));
}

/** Nothing where the program failed or was killed. */
function run(program: string, procRoot: string, sights: readonly EnteredSight[]): EnteredMounts[] {
  const words = [
    program,
    procRoot,
    JSON.stringify(sights.map(({ inum, path }) => ({ inum, path }))),
  ];
  const { status, stdout } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env: {},
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_MAX_BYTES,
  });
  return status === 0 && stdout !== '' ? (JSON.parse(stdout) as EnteredMounts[]) : [];
}
