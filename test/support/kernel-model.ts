/**
 * A small host that tells kernel records, for property tests: processes that fork, unshare, enter and end,
 * descriptors that hold, scans that see a moment while the host goes on, records that get lost.
 *
 * Inode numbers and pids are handed out lowest first, so both are reused as often as can be.
 */
import fc from 'fast-check';
import {
  endLeftBehind,
  listLeftBehind,
  settleStorms,
} from '../../src/domain/derive-kernel-storms.ts';
import type { KernelNamespace, KernelRecord, TaskRecord } from '../../src/domain/kernel-record.ts';
import {
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from '../../src/domain/namespace-type.ts';
import type { NamespaceLinks, ObservedProcess } from '../../src/domain/scan.ts';
import { at, birth, FACTS, inside, joined, left, moved, ns, task } from './kernel-auditor.ts';
import type { KernelAuditor } from './kernel-auditor.ts';
import { process } from './scan-builder.ts';

type HostStep =
  | { readonly do: 'fork' | 'exit' | 'close' | 'exec'; readonly process: number }
  | { readonly do: 'unshare'; readonly process: number; readonly types: readonly NamespaceType[] }
  | {
      readonly do: 'enter' | 'open';
      readonly process: number;
      readonly other: number;
      readonly type: NamespaceType;
    };

export type KernelStep =
  | HostStep
  | { readonly do: 'drain' | 'probe' }
  /** What happens while the scan runs, after it has seen everything. */
  | { readonly do: 'scan'; readonly during: readonly HostStep[] }
  | { readonly do: 'lose'; readonly count: number }
  | { readonly do: 'wait'; readonly seconds: number };

const index = fc.nat({ max: 30 });
const type = fc.constantFrom<NamespaceType>('net', 'uts', 'ipc');

const hostStep: fc.Arbitrary<HostStep> = fc.oneof<fc.WeightedArbitrary<HostStep>[]>(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('fork' as const), process: index }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('exit' as const), process: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('exec' as const), process: index }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('unshare' as const),
      process: index,
      types: fc.uniqueArray(type, { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('enter' as const),
      process: index,
      other: index,
      type,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      process: index,
      other: index,
      type,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), process: index }) },
);

const lookStep: fc.Arbitrary<KernelStep> = fc.oneof<fc.WeightedArbitrary<KernelStep>[]>(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('drain' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('scan' as const),
      during: fc.array(hostStep, { maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('probe' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('lose' as const),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.integer({ min: 1, max: 70 }),
    }),
  },
);

export const kernelStoryArbitrary: fc.Arbitrary<readonly KernelStep[]> = fc.array(
  fc.oneof({ weight: 2, arbitrary: hostStep }, { weight: 1, arbitrary: lookStep }),
  { minLength: 5, maxLength: 90, size: 'max' },
);

interface ModelTask {
  readonly pid: number;
  readonly startTimeTicks: number;
  readonly own: Map<NamespaceType, KernelNamespace>;
  readonly open: Map<number, KernelNamespace>;
}

const FIRST_INUM = 4026532100;
const STEP_SECONDS = 0.05;

export class KernelModel {
  readonly auditor: KernelAuditor;
  #second = 2;
  #nextId = 5_000;
  #tasks: ModelTask[] = [];
  #records: KernelRecord[] = [];
  #births = 0;

  constructor(auditor: KernelAuditor) {
    this.auditor = auditor;
    this.#tasks.push({ pid: 2, startTimeTicks: 1, own: new Map(), open: new Map() });
    this.#scan([]);
  }

  get birthCount(): number {
    return this.#births;
  }

  tell(steps: readonly KernelStep[]): void {
    for (const step of steps) {
      this.#second += STEP_SECONDS;
      this.#do(step);
    }
  }

  /** Looks until nothing is left to be found out: two scans, and a question after every vacant namespace. */
  settle(): void {
    for (let round = 0; round < 3; round += 1) {
      this.#second += 10;
      this.#scan([]);
      this.#probe();
    }
  }

  /** Kernel ids of everything that is alive. */
  alive(): Set<string> {
    const ids = new Set<string>();
    for (const { own, open } of this.#tasks) {
      [...own.values(), ...open.values()].forEach((each) => ids.add(each.kernelNamespaceId ?? ''));
    }
    return ids;
  }

  #do(step: KernelStep): void {
    switch (step.do) {
      case 'drain':
        this.#drain();
        return;
      case 'scan':
        this.#scan(step.during);
        return;
      case 'probe':
        this.#drain();
        this.#probe();
        return;
      case 'wait':
        this.#second += step.seconds;
        return;
      case 'lose':
        this.#lose(step.count);
        return;
      default:
        this.#act(step, this.#pick(step.process));
    }
  }

  #act(step: HostStep, who: ModelTask): void {
    switch (step.do) {
      case 'fork':
        this.#fork(who);
        break;
      case 'exit':
        this.#exit(who);
        break;
      case 'exec':
        this.#say(this.#moved(who, 'exec'));
        break;
      case 'unshare':
        this.#unshare(who, step.types);
        break;
      case 'enter':
        this.#enter(who, this.#pick(step.other), step.type);
        break;
      case 'open':
        this.#open(who, this.#pick(step.other), step.type);
        break;
      case 'close':
        who.open.delete([...who.open.keys()][0] ?? -1);
    }
  }

  #pick(number: number): ModelTask {
    const found = this.#tasks[number % this.#tasks.length];
    if (!found) {
      throw new Error('there is always a process');
    }
    return found;
  }

  #say(record: KernelRecord): void {
    const isInitial = 'namespaces' in record && this.#isInitial(record.namespaces);
    // As the hooks do: who is only in initial namespaces says nothing by forking, executing or ending.
    if (
      !(
        isInitial &&
        (record.kind === 'joined' || record.kind === 'moved') &&
        record.how !== 'setns'
      )
    ) {
      this.#records.push(record);
    }
  }

  #isInitial(namespaces: readonly KernelNamespace[]): boolean {
    return namespaces.every(({ inum }) => inum < FIRST_INUM);
  }

  #taskOf({ pid, startTimeTicks }: ModelTask) {
    return { task: task(pid, { startTimeTicks, threadStartTimeTicks: startTimeTicks }) };
  }

  #moved(who: ModelTask, how: 'exec' | 'setns' | 'unshare'): TaskRecord {
    return moved(this.#second, who.pid, inside(...who.own.values()), { how, ...this.#taskOf(who) });
  }

  #fork(parent: ModelTask): void {
    const used = new Set(this.#tasks.map(({ pid }) => pid));
    let pid = 10;
    while (used.has(pid)) {
      pid += 1;
    }
    const child = {
      pid,
      startTimeTicks: Math.floor(this.#second * 100),
      own: new Map(parent.own),
      open: new Map(),
    };
    this.#tasks.push(child);
    this.#say(joined(this.#second, pid, inside(...child.own.values()), this.#taskOf(child)));
  }

  #exit(who: ModelTask): void {
    if (who.pid === 2) {
      return;
    }
    this.#tasks = this.#tasks.filter((each) => each !== who);
    if (who.own.size > 0) {
      this.#say(left(this.#second, who.pid, this.#taskOf(who)));
    }
  }

  #unshare(who: ModelTask, types: readonly NamespaceType[]): void {
    for (const each of types) {
      const used = new Set(
        this.#tasks
          .flatMap(({ own, open }) => [...own.values(), ...open.values()])
          .map(({ inum }) => inum),
      );
      let inum = FIRST_INUM;
      while (used.has(inum)) {
        inum += 1;
      }
      const made = ns(each, inum, String((this.#nextId += 1)));
      this.#births += 1;
      this.#say(birth(this.#second, made, { creator: this.#taskOf(who).task, facts: FACTS }));
      who.own.set(each, made);
    }
    this.#say(this.#moved(who, 'unshare'));
  }

  #enter(who: ModelTask, other: ModelTask, each: NamespaceType): void {
    const target = other.own.get(each);
    if (target) {
      who.own.set(each, target);
    } else {
      who.own.delete(each);
    }
    this.#say(this.#moved(who, 'setns'));
  }

  #open(who: ModelTask, other: ModelTask, each: NamespaceType): void {
    const target = other.own.get(each);
    if (target) {
      who.open.set(3 + who.open.size, target);
    }
  }

  #drain(): void {
    const records = this.#records;
    this.#records = [];
    this.auditor.tell(this.#second, ...records);
  }

  /** The newest records get lost; what was born in them is still in the map of live namespaces. */
  #lose(count: number): void {
    const lost = this.#records.splice(-count);
    const [first] = lost;
    const last = lost.at(-1);
    if (first === undefined || last === undefined) {
      return;
    }
    const recovered = lost.flatMap((record) =>
      record.kind === 'birth' ? [{ ...record, isRecovered: true }] : [],
    );
    this.#records.push(...recovered, {
      kind: 'lost',
      atUs: last.atUs,
      stream: 'life',
      count: lost.length,
      fromUs: first.atUs,
      toUs: last.atUs,
    });
  }

  #scan(during: readonly HostStep[]): void {
    this.#drain();
    const kernelIds = new Map<NamespaceKey, string>();
    const processes = this.#tasks.map((each) => this.#observe(each, kernelIds));
    const second = this.#second;
    // The scan takes 100 ms; what happens in it happens after everything was seen.
    for (const step of during) {
      this.#second += 0.01;
      this.#do(step);
    }
    this.#second = second + 0.11;
    const records = this.#records;
    this.#records = [];
    this.auditor.scanBeside({ second, processes, kernelIds }, ...records);
    if (this.auditor.memory.openGaps.length > 0) {
      this.auditor.closeLosses(this.#second);
    }
  }

  #observe(each: ModelTask, kernelIds: Map<NamespaceKey, string>): ObservedProcess {
    const links: NamespaceLinks = Object.fromEntries(
      [...each.own.values()].map(({ type: name, inum }) => [name, inum]),
    );
    for (const { type: name, inum, kernelNamespaceId } of [
      ...inside(...each.own.values()),
      ...each.open.values(),
    ]) {
      kernelIds.set(toNamespaceKey(name, inum), kernelNamespaceId ?? '');
    }
    const descriptors = [...each.open].map(([fd, { type: name, inum }]) => ({
      fd,
      type: name,
      inum,
    }));
    return process(each.pid, links, { startTimeTicks: each.startTimeTicks, descriptors });
  }

  #probe(): void {
    const { known, memory } = this.auditor;
    this.#second += 0.01;
    const alive = this.alive();
    const results = [...memory.vacant.keys()].flatMap((id) => {
      const kernelNamespaceId = known.lifespans.get(id)?.kernelNamespaceId;
      return kernelNamespaceId == null
        ? []
        : [
            {
              id,
              probedUs: at(this.#second),
              verdict: alive.has(kernelNamespaceId) ? ('alive' as const) : ('stale' as const),
            },
          ];
    });
    const births = listLeftBehind(memory, { atUs: at(this.#second), limit: 100 })
      .filter(({ namespace }) => !alive.has(namespace.kernelNamespaceId ?? ''))
      .map((each) => ({ ...each, probedUs: at(this.#second) }));
    this.#second += 0.01;
    this.auditor.answer(this.#second, ...results);
    this.auditor.judge(this.#second, (input, draft) => {
      births.forEach((each) => endLeftBehind(input, each, draft));
      settleStorms(input, { atUs: at(this.#second), isStop: false }, draft);
    });
  }
}
