/** What `nsaudit doctor` finds out: what can be seen from here, and how the record is doing. */
import { chooseProfile } from '../collector/choose-profile.ts';
import { NsauditError } from '../domain/errors.ts';
import type { CoverageJson } from '../domain/json.ts';
import type { Status } from '../history/history.ts';
import { readHostFacts, type HostFacts } from '../observe/host-facts.ts';
import { askHistory } from './ask.ts';
import type { CommandContext } from './command-context.ts';
import { findStateDirectory } from './find-state-directory.ts';
import { readProcRoot } from './read-proc-root.ts';
import { readVersion } from './version.ts';

/**
 * Both are needed to read everything: the links of processes that hold capabilities, and the descriptor
 * tables of other users. Source: ptrace(2) PTRACE_MODE_READ_FSCREDS, proc(5).
 */
const NEEDED_CAPABILITIES = ['sys_ptrace', 'dac_read_search'] as const;

export interface Examination {
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
  readonly profile: string;
  readonly profileReason: string;
  readonly capabilities: { readonly held: readonly string[]; readonly missing: readonly string[] };
  readonly hidepid: string | null;
  readonly stateDirectory: string;
  /** Null when there is no record that can be opened; `problems` says why. */
  readonly record: (Status & { readonly coverage: CoverageJson }) | null;
  /** One sentence each: what is wrong, and what to do. */
  readonly problems: readonly string[];
}

/** Looks at the host and at the record. A record that cannot be opened is a finding, not a failure. */
export async function examineHost(context: CommandContext): Promise<Examination> {
  const facts = readHostFacts({
    procRoot: readProcRoot(context),
    machineIdPath: '/etc/machine-id',
  });
  const missing = NEEDED_CAPABILITIES.filter((name) => !facts.capabilities.includes(name));
  const { record, problem } = await examineRecord(context);
  return {
    version: readVersion(),
    node: process.versions.node,
    kernel: facts.kernelRelease,
    profile: chooseProfile('auto').profile,
    profileReason: 'scans only, because this version cannot receive kernel events',
    capabilities: { held: NEEDED_CAPABILITIES.filter((name) => !missing.includes(name)), missing },
    hidepid: facts.hidepid,
    stateDirectory: findStateDirectory(context),
    record,
    problems: [...findHostProblems(facts, missing), ...findRecordProblems(record), ...problem],
  };
}

async function examineRecord(
  context: CommandContext,
): Promise<{ record: Examination['record']; problem: readonly string[] }> {
  try {
    const record = await askHistory(context, (history) => ({
      ...history.status(),
      coverage: history.state({ limit: 1 }).coverage,
    }));
    return { record, problem: [] };
  } catch (error) {
    if (error instanceof NsauditError) {
      return { record: null, problem: [error.message] };
    }
    throw error;
  }
}

function findHostProblems(facts: HostFacts, missing: readonly string[]): readonly string[] {
  return [
    ...(missing.length === 0
      ? []
      : [
          `without ${missing.map((name) => `CAP_${name.toUpperCase()}`).join(' and ')} the namespaces of other users' processes cannot be read: collect as root.`,
        ]),
    ...(facts.hidepid === null || facts.hidepid === '0'
      ? []
      : [`procfs is mounted with hidepid=${facts.hidepid}: other users' processes may be hidden.`]),
    ...(facts.hostId === null
      ? [
          '/etc/machine-id has no machine id: records of this host can be told from others by log only.',
        ]
      : []),
  ];
}

function findRecordProblems(record: Examination['record']): readonly string[] {
  if (record === null) {
    return [];
  }
  const { head, position, isCollecting, coverage } = record;
  return [
    ...(isCollecting
      ? []
      : ['no collector is running: nothing is watched now; start nsaudit collect.']),
    ...(head > position
      ? [
          `read.db lags ${head - position} events behind the log: run nsaudit rebuild if it stays so.`,
        ]
      : []),
    ...coverage.unreadable.map(
      ({ source, reason, count, example }) =>
        `${example}${count > 1 ? ` and ${count - 1} more` : ''} cannot be read (${reason}): what only the ${source} there hold is not seen.`,
    ),
  ];
}
