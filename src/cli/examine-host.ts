/** What `nsaudit doctor` finds out: what can be seen from here, and how the record is doing. */
import { NsauditError } from '../domain/errors.ts';
import type { CoverageJson } from '../domain/json.ts';
import type { Status } from '../history/history.ts';
import { readHostFacts, type HostFacts } from '../observe/host-facts.ts';
import { askHistory } from './ask.ts';
import type { CommandContext } from './command-context.ts';
import { examineDisk, findDiskProblems, type DiskExamination } from './examine-disk.ts';
import {
  examineKernel,
  examinePins,
  type KernelExamination,
  type PinExamination,
} from './examine-kernel.ts';
import { examinePrivileges, findPrivilegeProblems, type Privileges } from './examine-privileges.ts';
import { findStateDirectory } from './find-state-directory.ts';
import { readDiskPolicy } from './read-options.ts';
import { readPinRoot, toPinDirectory } from './read-pin-directory.ts';
import { isOwnProcRoot, readProcRoot } from './read-proc-root.ts';
import { readVersion } from './version.ts';

export interface Examination extends Omit<KernelExamination, 'hookProblems'> {
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
  readonly capabilities: Privileges;
  /**
   * A namespace that lives longer than this cannot be missed, microseconds: 0 in the profiles of kernel
   * events, where every birth is told; else that of the record, null when nothing watches.
   */
  readonly minimumLifetimeUs: number | null;
  /** Null where no BPF file system is mounted in the usual place, and no other was named. */
  readonly pins: PinExamination | null;
  readonly hidepid: string | null;
  readonly stateDirectory: string;
  /** Null when there is no record that can be opened; `problems` says why. */
  readonly record: (Status & { readonly coverage: CoverageJson }) | null;
  /** How full the disk of the record is, by `--disk-levels`; null when there is none. */
  readonly disk: DiskExamination | null;
  /** One sentence each: what is wrong, and what to do. */
  readonly problems: readonly string[];
}

/** Looks at the host and at the record. A record that cannot be opened is a finding, not a failure. */
export async function examineHost(context: CommandContext): Promise<Examination> {
  const procRoot = readProcRoot(context);
  const isOwnHost = isOwnProcRoot(context);
  const facts = readHostFacts({ procRoot, machineIdPath: '/etc/machine-id' });
  const capabilities = examinePrivileges(facts.capabilities);
  const { hookProblems, ...kernel } = examineKernel({ procRoot, isOwnHost, bootId: facts.bootId });
  const { record, problem } = await examineRecord(context);
  const disk = examineDisk(findStateDirectory(context), readDiskPolicy(context.options));
  return {
    version: readVersion(),
    node: process.versions.node,
    kernel: facts.kernelRelease,
    ...kernel,
    minimumLifetimeUs:
      kernel.profile === 'procfs' ? (record?.coverage.minimumLifetimeUs ?? null) : 0,
    capabilities,
    hidepid: facts.hidepid,
    stateDirectory: findStateDirectory(context),
    pins: findPins(context, procRoot),
    record,
    disk,
    problems: [
      ...findPrivilegeProblems(capabilities, { isOwnHost }),
      ...hookProblems,
      ...findHostProblems(facts),
      ...findRecordProblems(record),
      ...findDiskProblems(disk),
      ...problem,
    ],
  };
}

function findPins(context: CommandContext, procRoot: string): PinExamination | null {
  const root = readPinRoot(context);
  const own = toPinDirectory(root, findStateDirectory(context));
  return root === null || own === null ? null : examinePins(root, own, procRoot);
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

function findHostProblems(facts: HostFacts): readonly string[] {
  return [
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
  const { head, position, isCollecting, suspendedAt, coverage } = record;
  return [
    ...(isCollecting
      ? []
      : ['no collector is running: nothing is watched now; start nsaudit collect.']),
    ...(suspendedAt === null
      ? []
      : [
          `nothing is recorded since ${suspendedAt}: the last event says why (nsaudit events); it goes on when the disk does.`,
        ]),
    ...(head > position
      ? [
          `read.db lags ${head - position} events behind the log: run nsaudit rebuild if it stays so.`,
        ]
      : []),
    ...(head < position
      ? [
          `the log ends at event ${head}, and read.db knows events up to ${position}: an older copy of the log was put in its place; bring the newer one back.`,
        ]
      : []),
    ...coverage.unreadable.map(
      ({ source, reason, count, example }) =>
        `${example}${count > 1 ? ` and ${count - 1} more` : ''} cannot be read (${reason}): what only the ${source} there hold is not seen.`,
    ),
  ];
}
