/**
 * The id of one known network namespace. The kernel wants it named by a process or a descriptor; a descriptor
 * is opened for this one question and closed at once.
 *
 * A process is looked at before and after, and a descriptor before, because either may have become another
 * namespace's meanwhile.
 */
import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import type { KernelNamespace } from '../domain/kernel-record.ts';
import type { HandleProbe } from './handle-probe.ts';
import type { NsidAnswer, NsidSource } from './netlink-nsids.ts';
import { errnoOf } from './proc-read.ts';

export interface NsidTarget {
  readonly namespace: KernelNamespace;
  /** Processes in it. */
  readonly pids: readonly number[];
  /** Where it is mounted in our own mount namespace. */
  readonly paths: readonly string[];
}

const PIDS_MAX = 3;

/** `unknown` where nothing names the namespace, or nothing did that was still the same after the question. */
export function lookUpNsid(
  source: NsidSource,
  { namespace, pids, paths }: NsidTarget,
  { procRoot, probe }: { readonly procRoot: string; readonly probe: HandleProbe | null },
): NsidAnswer {
  const wanted = `net:[${namespace.inum}]`;
  for (const pid of pids.slice(0, PIDS_MAX)) {
    const link = `${procRoot}/${pid}/ns/net`;
    const answer = readLink(link) === wanted ? source.ask({ pid }) : 'unknown';
    if (answer !== 'unknown' && readLink(link) === wanted) {
      return answer;
    }
  }
  const byHandle = probe?.use(namespace, (fd) => ({ answer: source.ask({ fd }) })) ?? null;
  if (byHandle !== null) {
    return byHandle.answer;
  }
  for (const path of paths) {
    const answer = askPath(source, path, namespace.inum);
    if (answer !== 'unknown') {
      return answer;
    }
  }
  return 'unknown';
}

function askPath(source: NsidSource, path: string, inum: number): NsidAnswer {
  let fd: number;
  try {
    // Never waits: by now it may be a pipe.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    errnoOf(error);
    return 'unknown';
  }
  try {
    // Of anything else than a network namespace the kernel knows no id.
    return fstatSync(fd).ino === inum ? source.ask({ fd }) : 'unknown';
  } finally {
    closeSync(fd);
  }
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    errnoOf(error);
    return null;
  }
}
