/** What is on disk, and what a refusal has to be like. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { NsauditError, type ErrorCode } from '../../src/domain/errors.ts';
import { openLogFile } from '../../src/store/event-log-reader.ts';
import type { Trust } from '../../src/store/verify-checkpoints.ts';
import { verifyLog, type Verification } from '../../src/store/verify-log.ts';
import { createAppender, openTestLog } from '../support/state-on-disk.ts';
import { makeEvents } from './numbered-events.ts';

/** Writes a log with batches of these sizes, and closes it cleanly. */
export async function writeLog(stateDirectory: string, sizes: readonly number[]): Promise<void> {
  const log = await openTestLog(stateDirectory);
  const append = createAppender(log);
  for (const size of sizes) {
    append(makeEvents(log.writer.head().position + 1, size));
  }
  log.close();
}

/** Verifies a log file. */
export async function verify(logPath: string, trust?: Trust): Promise<Verification> {
  const reader = openLogFile(logPath);
  try {
    return await verifyLog(reader, trust);
  } finally {
    reader.close();
  }
}

/**
 * Everything at and below a path by name: kind, mode, owner, time of change, and a digest of the bytes.
 *
 * Of a -shm file only kind, mode and owner: it is memory that connections share, and even a reader's lock
 * writes to it. Nothing of the record is in it.
 */
export function snapshot(path: string): Readonly<Record<string, string>> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) {
    return {};
  }
  const { mode, uid, gid, mtimeMs } = found;
  const owner = `${mode.toString(8)} ${uid}:${gid}`;
  const marks = `${owner} ${mtimeMs}`;
  if (path.endsWith('-shm')) {
    return { [path]: owner };
  }
  if (!found.isDirectory()) {
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
    return { [path]: `${marks} ${digest}` };
  }
  const inside = readdirSync(path).map((name) => snapshot(join(path, name)));
  return Object.assign({ [path]: marks }, ...inside) as Record<string, string>;
}

/** Runs what must be refused; the refusal, without its cause. */
export async function refusalOf(action: () => unknown): Promise<Refusal> {
  try {
    await action();
  } catch (error) {
    if (error instanceof NsauditError) {
      return { code: error.code, message: error.message };
    }
    throw error;
  }
  throw new Error('nothing was refused');
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** For `toEqual`: a refusal with this code, in one sentence on one line that names the path. */
export function refusing(code: ErrorCode, path: string, says: RegExp): Refusal {
  const quoted = path.replaceAll(/[.+]/g, String.raw`\$&`);
  const pattern = `^(?=[^\\n]*${quoted})(?=[^\\n]*${says.source})[^\\n]+\\.$`;
  return { code, message: expect.stringMatching(new RegExp(pattern)) as string };
}
