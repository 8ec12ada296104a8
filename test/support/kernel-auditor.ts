/** An auditor that is told kernel records by hand, for tests of the pure rules. */
import { deriveEvents } from '../../src/domain/derive-events.ts';
import { deriveProbes, type ProbeResult } from '../../src/domain/derive-kernel-ends.ts';
import { deriveKernelEvents, deriveLossesClosed } from '../../src/domain/derive-kernel-events.ts';
import { listSeen, openStorms, type StormInput } from '../../src/domain/derive-kernel-storms.ts';
import { withRelatives } from '../../src/domain/derive-relatives.ts';
import { startFoldingDraft, type Draft } from '../../src/domain/draft.ts';
import type { AuditEvent } from '../../src/domain/event.ts';
import { beginScan, createKernelMemory, refreshVacancies } from '../../src/domain/kernel-memory.ts';
import type {
  BirthRecord,
  KernelNamespace,
  KernelRecord,
  KernelTask,
  LeftRecord,
  TaskRecord,
} from '../../src/domain/kernel-record.ts';
import type { Lifespan } from '../../src/domain/lifespan.ts';
import { openMemberBooks } from '../../src/domain/member-books.ts';
import {
  INITIAL_INUMS,
  NAMESPACE_TYPES,
  type NamespaceType,
} from '../../src/domain/namespace-type.ts';
import { listSeenKeys, noteMounts } from '../../src/domain/settle-scan.ts';
import { ANCHOR_US, Auditor, BOOT, scan, type ScanInput } from './scan-builder.ts';

/** Instant of a second of the boot. */
export function at(second: number): number {
  return ANCHOR_US + Math.round(second * 1_000_000);
}

export function ns(type: NamespaceType, inum: number, id: string | null): KernelNamespace {
  return { type, inum, kernelNamespaceId: id };
}

export const FACTS = {
  ppid: 1,
  comm: 'make',
  exe: '/usr/bin/make',
  uid: 1000,
  gid: 1000,
  loginuid: null,
  session: null,
  cgroup: '/',
  containerId: null,
};

export function task(pid: number, more: Partial<KernelTask> = {}): KernelTask {
  return {
    pid,
    tid: pid,
    startTimeTicks: 100,
    threadStartTimeTicks: 100,
    comm: 'make',
    ...more,
  };
}

/** All eight namespaces of a process: the initial ones, except for those given. */
export function inside(...own: readonly KernelNamespace[]): KernelNamespace[] {
  return NAMESPACE_TYPES.map(
    (type, index) =>
      own.find((each) => each.type === type) ?? ns(type, INITIAL_INUMS[type], String(index + 1)),
  );
}

export function birth(
  second: number,
  namespace: KernelNamespace,
  more: Partial<BirthRecord> = {},
): BirthRecord {
  return {
    kind: 'birth',
    atUs: at(second),
    namespace,
    creator: task(50),
    facts: FACTS,
    how: 'unshare',
    owner: null,
    parent: null,
    ownerUid: null,
    isRecovered: false,
    ...more,
  };
}

export function joined(
  second: number,
  pid: number,
  namespaces: readonly KernelNamespace[],
  more: Partial<TaskRecord> = {},
): TaskRecord {
  return {
    kind: 'joined',
    atUs: at(second),
    task: task(pid),
    facts: FACTS,
    how: 'fork',
    namespaces,
    forChildren: [],
    hasOtherThreads: false,
    ...more,
  };
}

export function moved(
  second: number,
  pid: number,
  namespaces: readonly KernelNamespace[],
  more: Partial<TaskRecord> = {},
): TaskRecord {
  return joined(second, pid, namespaces, { kind: 'moved', how: 'unshare', ...more });
}

export function left(second: number, pid: number, more: Partial<LeftRecord> = {}): LeftRecord {
  return { kind: 'left', atUs: at(second), task: task(pid), isLast: true, ...more };
}

export class KernelAuditor extends Auditor {
  readonly memory = createKernelMemory();
  #second = 1;

  /** What the rules make of records, all known by the given second. */
  tell(second: number, ...records: readonly KernelRecord[]): AuditEvent[] {
    return this.judge(second, (input, draft) => deriveKernelEvents(input, records, draft));
  }

  answer(second: number, ...results: readonly ProbeResult[]): AuditEvent[] {
    return this.judge(second, (input, draft) => deriveProbes(input, results, draft));
  }

  closeLosses(second: number): AuditEvent[] {
    return this.judge(second, (input, draft) =>
      deriveLossesClosed(input, { inferred: 0, unknown: 0 }, draft),
    );
  }

  /** A scan, beside which the records given came. */
  scanBeside(
    input: ScanInput & { readonly kernelIds?: ReadonlyMap<`${NamespaceType}:${number}`, string> },
    ...records: readonly KernelRecord[]
  ): AuditEvent[] {
    beginScan(this.memory);
    this.tell(input.second + 0.1, ...records);
    const seen = { ...scan(input), kernelIds: input.kernelIds ?? new Map() };
    this.judge(input.second + 0.1, (each, draft) => listSeen(each, listSeenKeys(seen), draft));
    const { memory } = this;
    const derived = deriveEvents(this.known, this.watch, seen, {
      ...this.policy,
      source: 'kernel',
      kernel: { memory, tellsEnd: ({ kernelNamespaceId }) => kernelNamespaceId !== null },
    });
    this.append(derived.events);
    noteMounts(memory, seen);
    this.watch = derived.watch;
    refreshVacancies(this, { atUs: at(this.#second), isHeldOtherwise: () => false });
    return derived.events;
  }

  /** The only life of a namespace that the log knows, ended or not. */
  life(type: NamespaceType, inum: number): Lifespan {
    const found = [...this.lives].filter((life) => life.type === type && life.inum === inum);
    const [life] = found;
    if (life === undefined || found.length !== 1) {
      throw new Error(`${found.length} lives of ${type}:[${inum}]`);
    }
    return life;
  }

  judge(second: number, derive: (input: StormInput, draft: Draft) => void): AuditEvent[] {
    this.#second = Math.max(this.#second, second);
    const { known, watch, memory } = this;
    const bare = startFoldingDraft(known, Math.max(at(second), known.lastAt), (event) =>
      this.fold(event),
    );
    const draft = withRelatives(known, bare);
    const where = { bootId: BOOT, nsfsDev: null, initial: INITIAL_INUMS };
    const books = openMemberBooks(watch.members, this.policy.growth);
    const { births, close } = openStorms(memory, this.policy.growth);
    derive({ known, watch, memory, books, births, ...where, initialHolders: 'count' }, draft);
    close(at(second));
    this.watch = { ...watch, members: books.close(at(second)) };
    return draft.events;
  }
}
