/**
 * Who a process is: resolved while it is there, and remembered until it is gone.
 *
 * A fact that was read once is not read again while pid, start time and comm stay the same, so it says
 * what was true when the process was first met.
 *
 * Source: proc_pid_status(5), proc_pid_exe(5), proc_pid_loginuid(5), proc_pid_cgroup(5); kernel
 * fs/proc/base.c proc_sessionid_read.
 */
import { readlinkSync } from 'node:fs';
import { findContainerId } from '../domain/container.ts';
import type { ProcessFacts } from '../domain/process-facts.ts';
import { errnoOf, isGone, type ProcReader } from './proc-read.ts';
import type { ProcessDraft } from './process-draft.ts';
import type { SourceTally } from './source-tally.ts';

/** What loginuid and sessionid hold for a process that no login stands behind: (uid_t) -1. */
const UNSET = 0xffffffff;

/** The real id is the first of the four that status gives. */
const REAL_UID = /^Uid:\t(\d+)\t/m;
const REAL_GID = /^Gid:\t(\d+)\t/m;
const CGROUP_LINE = /^\d+:([^:]*):(\/.*)$/;

/** What somebody else may have told already. */
export type Credentials = Pick<ProcessFacts, 'uid' | 'gid' | 'loginuid' | 'session'>;

export interface FactsReader {
  /** The facts of a process, from memory where it is known. `credentials` spares reading them. */
  resolve(draft: ProcessDraft, tally: SourceTally, credentials?: Credentials): ProcessFacts;
  /** Forgets every process that is not among these. */
  keepOnly(drafts: readonly ProcessDraft[]): void;
}

interface Remembered {
  readonly startTimeTicks: number;
  readonly comm: string;
  readonly facts: ProcessFacts;
}

export function createFactsReader(reader: ProcReader): FactsReader {
  const rememberedByPid = new Map<number, Remembered>();

  return {
    resolve(draft, tally, credentials) {
      const { pid, startTimeTicks, comm } = draft.observed;
      const remembered = rememberedByPid.get(pid);
      if (remembered?.startTimeTicks === startTimeTicks && remembered.comm === comm) {
        return remembered.facts;
      }
      const facts = readFacts(reader, draft, tally, credentials);
      rememberedByPid.set(pid, { startTimeTicks, comm, facts });
      return facts;
    },
    keepOnly(drafts) {
      const pids = new Set(drafts.map(({ observed }) => observed.pid));
      for (const pid of rememberedByPid.keys()) {
        if (!pids.has(pid)) {
          rememberedByPid.delete(pid);
        }
      }
    },
  };
}

function readFacts(
  reader: ProcReader,
  draft: ProcessDraft,
  tally: SourceTally,
  credentials?: Credentials,
): ProcessFacts {
  const { ppid, comm, isZombie } = draft.observed;
  // A leader that has ended has lost what its threads still have.
  const [tid] = isZombie ? draft.tids : [];
  const directory = tid === undefined ? draft.directory : `${draft.directory}/task/${tid}`;
  const attempt = <Fact>(path: string, read: (path: string) => Fact): Fact | null => {
    try {
      return read(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (!isGone(errno)) {
        tally.unreadable(errno, path);
      }
      return null;
    }
  };
  const status = credentials
    ? null
    : attempt(`${directory}/status`, (path) => reader.readRecord(path).toString('latin1'));
  const cgroup = attempt(`${directory}/cgroup`, (path) => parseCgroupPath(reader.readWhole(path)));
  if ((credentials ? cgroup : status) === null) {
    tally.vanished();
  } else {
    tally.read();
  }
  const exe = attempt(`${directory}/exe`, (path) => readlinkSync(path));
  const readId = (path: string): number | null => parseId(reader.readRecord(path));
  const { uid, gid, loginuid, session } = credentials ?? {
    uid: parseStatusId(status, REAL_UID),
    gid: parseStatusId(status, REAL_GID),
    loginuid: attempt(`${directory}/loginuid`, readId),
    session: attempt(`${directory}/sessionid`, readId),
  };
  const containerId = cgroup === null ? null : findContainerId(cgroup);
  return { ppid, comm, exe, uid, gid, loginuid, session, cgroup, containerId };
}

function parseStatusId(status: string | null, pattern: RegExp): number | null {
  const digits = pattern.exec(status ?? '')?.[1];
  return digits === undefined ? null : Number(digits);
}

function parseId(content: Buffer): number | null {
  const text = content.toString('latin1').trim();
  return /^\d+$/.test(text) && Number(text) !== UNSET ? Number(text) : null;
}

/**
 * The path that says most about a process: that of the unified hierarchy, or, where a host still keeps
 * its processes in version 1 hierarchies, that of systemd or else the longest.
 */
export function parseCgroupPath(content: Buffer): string | null {
  const pathOf = new Map<string, string>();
  for (const line of content.toString('utf8').split('\n')) {
    const match = CGROUP_LINE.exec(line);
    if (match) {
      pathOf.set(match[1] ?? '', match[2] ?? '/');
    }
  }
  const preferred = [pathOf.get(''), pathOf.get('name=systemd')];
  const longest = [...pathOf.values()].toSorted((left, right) => right.length - left.length)[0];
  return preferred.find((path) => path !== undefined && path !== '/') ?? longest ?? null;
}
