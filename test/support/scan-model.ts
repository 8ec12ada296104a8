/**
 * A small random host: processes, namespaces, descriptors and mounts that come and go, watched by a
 * collector that is stopped, killed and rebooted. For property tests.
 *
 * Real: the rules of the domain, which derive every event here. Modelled: the host and its clocks. Inode
 * numbers and pids are handed out lowest first, so both are reused as often as can be.
 */
import fc from 'fast-check';
import { emptyBirthBooks, openBirthBooks } from '../../src/domain/birth-books.ts';
import { deriveEvents, type DerivePolicy } from '../../src/domain/derive-events.ts';
import {
  deriveClockStep,
  chooseAnchor,
  deriveStart,
  deriveStop,
  type CollectorFacts,
} from '../../src/domain/derive-session.ts';
import { startDraft } from '../../src/domain/draft.ts';
import type { AuditEvent } from '../../src/domain/event.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { emptyKnown, type Known } from '../../src/domain/known.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../../src/domain/namespace-type.ts';
import { SCAN_SOURCES, type ScanSource } from '../../src/domain/scan.ts';
import { resumeWatch, type Watch } from '../../src/domain/watch.ts';
import { ModelHost, type HostStep } from './model-host.ts';

export type Step =
  | HostStep
  | { readonly do: 'scan'; readonly without: ScanSource | null }
  | {
      /** More births than are listed, by so many processes of one user. */
      readonly do: 'birth-storm';
      readonly count: number;
      readonly processes: number;
      readonly type: NamespaceType;
    }
  | { readonly do: 'wait' | 'step-clock'; readonly seconds: number }
  | { readonly do: 'restart'; readonly isClean: boolean }
  | { readonly do: 'reboot'; readonly isClockLost: boolean };

const index = fc.nat({ max: 40 });
const type = fc.constantFrom(...NAMESPACE_TYPES);
const comm = fc.constantFrom('sh', 'nginx', 'a b', 'x)\n', 'größe');
const path = fc.constantFrom('/run/netns/blue', '/run/netns/a b', '/mnt/\ufffd\n', '/x');
/** Links are always read: without them there is no scan. */
const without = fc.option(fc.constantFrom('threads', 'descriptors', 'mounts', 'facts'), {
  freq: 6,
});

function weigh(weight: number, arbitrary: fc.Arbitrary<Step>) {
  return { weight, arbitrary };
}

function doing<Name extends Step['do']>(name: Name): fc.Arbitrary<Name> {
  return fc.constant(name);
}

/** One thing that happens. Scans are the most frequent. */
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  weigh(12, fc.record({ do: doing('scan'), without })),
  weigh(6, fc.record({ do: doing('fork'), parent: index, comm })),
  weigh(
    6,
    fc.record({
      do: doing('unshare'),
      process: index,
      types: fc.uniqueArray(type, { minLength: 1, maxLength: 4 }),
    }),
  ),
  weigh(5, fc.record({ do: doing('exit'), process: index })),
  weigh(
    8,
    fc.record({
      do: doing('storm'),
      parent: index,
      count: fc.nat({ max: 6 }),
      stay: fc.nat({ max: 2 }),
      comm,
    }),
  ),
  weigh(3, fc.record({ do: doing('enter'), process: index, other: index, type })),
  weigh(4, fc.record({ do: doing('open'), process: index, other: index, type })),
  weigh(2, fc.record({ do: doing('close'), process: index })),
  weigh(3, fc.record({ do: doing('bind'), process: index, type, path })),
  weigh(2, fc.record({ do: doing('unbind'), mount: index })),
  weigh(2, fc.record({ do: doing('thread'), process: index, type })),
  weigh(
    2,
    fc.record({
      do: doing('for-children'),
      process: index,
      type: fc.constantFrom('pid', 'time'),
    }),
  ),
  weigh(2, fc.record({ do: doing('hide'), process: index })),
  weigh(
    1,
    fc.record({
      do: doing('birth-storm'),
      count: fc.nat({ max: 60 }),
      processes: fc.integer({ min: 1, max: 30 }),
      type,
    }),
  ),
  weigh(1, fc.record({ do: doing('wait'), seconds: fc.integer({ min: 1, max: 90 }) })),
  weigh(1, fc.record({ do: doing('step-clock'), seconds: fc.integer({ min: -4000, max: 4000 }) })),
  weigh(1, fc.record({ do: doing('restart'), isClean: fc.boolean() })),
  weigh(1, fc.record({ do: doing('reboot'), isClockLost: fc.boolean() })),
);

/** Whole stories, from five steps to `stepCount`. */
export function storyArbitrary(stepCount: number): fc.Arbitrary<readonly Step[]> {
  return fc.array(stepArbitrary, { minLength: 5, maxLength: stepCount, size: 'max' });
}

const POLICY: DerivePolicy = {
  initialHolders: 'count',
  source: 'procfs',
  kernel: null,
  continuedFromUs: null,
  growth: {
    ...DEFAULT_GROWTH_POLICY,
    holders: { burst: 2, perSecond: 0 },
    movers: { burst: 3, perSecond: 0 },
  },
  heartbeatUs: 5_000_000,
  silenceMaxUs: 30_000_000,
};

const COLLECTOR: CollectorFacts = {
  boot: '',
  profile: 'procfs',
  sources: [...SCAN_SOURCES],
  hooks: [],
  kernel: '6.1.0',
  toolVersion: '0.0.0',
  pid: 10,
  uid: 0,
  capabilities: [],
  ownNamespaces: {},
  scanIntervalUs: 1_000_000,
  initialHolders: 'count',
  growth: DEFAULT_GROWTH_POLICY,
};

const CREATOR = {
  ppid: 1,
  comm: 'storm',
  exe: null,
  uid: 1_000,
  gid: 1_000,
  loginuid: null,
  session: null,
  cgroup: '/a b',
  containerId: null,
  how: 'unshare',
  evidence: 'kernel-event',
} as const;

const SCAN_US = 60_000;
/** 2026-11-22T00:00:00Z, when the first boot begins. */
const WALL_START_US = 1_795_305_600_000_000;
const AFTER_BOOT_US = 5_000_000;

/**
 * What the collector puts into the log when it lives through the story, batch by batch. The last scans
 * come by themselves, so that every story ends with a look at what there is.
 */
export function tellStory(
  steps: readonly Step[],
  policy: Partial<DerivePolicy> = {},
): AuditEvent[][] {
  const watcher = new ModelWatcher({ ...POLICY, ...policy });
  for (const step of steps) {
    watcher.take(step);
  }
  watcher.take({ do: 'scan', without: null });
  return watcher.batches;
}

class ModelWatcher {
  readonly batches: AuditEvent[][] = [];
  readonly #known: Known = emptyKnown();
  readonly #policy: DerivePolicy;
  #host = new ModelHost(AFTER_BOOT_US);
  #watch: Watch;
  #boot = 1;
  #bootTimeUs = AFTER_BOOT_US;
  #wallUs = WALL_START_US + AFTER_BOOT_US;

  constructor(policy: DerivePolicy) {
    this.#policy = policy;
    this.#watch = this.#start();
  }

  take(step: Step): void {
    this.#pass(400_000);
    switch (step.do) {
      case 'scan':
        this.#scan(step.without);
        break;
      case 'birth-storm':
        this.#stormBirths(step);
        break;
      case 'wait':
        this.#pass(step.seconds * 1_000_000);
        break;
      case 'step-clock':
        this.#wallUs += step.seconds * 1_000_000;
        break;
      case 'restart':
        if (step.isClean) {
          const atUs = this.#timelineUs();
          this.#append(deriveStop(this.#known, this.#watch, { atUs, reason: 'SIGTERM' }));
        }
        this.#pass(2_000_000);
        this.#watch = this.#start();
        break;
      case 'reboot':
        this.#boot += 1;
        this.#bootTimeUs = AFTER_BOOT_US;
        this.#wallUs = step.isClockLost ? AFTER_BOOT_US : this.#wallUs + 30_000_000;
        this.#host = new ModelHost(AFTER_BOOT_US);
        this.#watch = this.#start();
        break;
      default:
        this.#host.take(step, this.#bootTimeUs);
    }
  }

  get #bootId(): string {
    return `00000000-0000-4000-8000-${String(this.#boot).padStart(12, '0')}`;
  }

  #timelineUs(): number {
    return (this.#known.boot?.anchorUs ?? 0) + this.#bootTimeUs;
  }

  #pass(us: number): void {
    this.#bootTimeUs += us;
    this.#wallUs += us;
  }

  #start(): Watch {
    const watch = resumeWatch(this.#known, this.#bootId);
    const reading = { wallUs: this.#wallUs, bootTimeUs: this.#bootTimeUs };
    const facts = {
      ...COLLECTOR,
      boot: this.#bootId,
      initialHolders: this.#policy.initialHolders,
    };
    const anchor = chooseAnchor(this.#known, this.#bootId, reading);
    this.#append(deriveStart(this.#known, facts, { ...reading, anchor }));
    return watch;
  }

  #scan(withoutSource: ScanSource | null): void {
    const reading = { wallUs: this.#wallUs, bootTimeUs: this.#bootTimeUs };
    this.#append(deriveClockStep(this.#known, reading));
    const startedAtUs = this.#timelineUs();
    const window = { bootId: this.#bootId, startedAtUs, endedAtUs: startedAtUs + SCAN_US };
    const scan = this.#host.scan(window, withoutSource);
    this.#pass(SCAN_US);
    const { events, watch } = deriveEvents(this.#known, this.#watch, scan, this.#policy);
    this.#append(events);
    this.#watch = watch;
  }

  /** As the kernel would tell of it: each is born and ends at once, and no scan sees it. */
  #stormBirths({ count, processes, type: made }: Step & { readonly do: 'birth-storm' }): void {
    const atUs = this.#timelineUs();
    const draft = startDraft(this.#known.position, atUs);
    const limits = { perMinuteMax: 0, shortLifeUs: 1_000_000 };
    const books = openBirthBooks<null>(emptyBirthBooks(), limits);
    for (let nth = 0; nth < count; nth += 1) {
      const creator = { ...CREATOR, pid: 5_000 + (nth % processes), startTimeTicks: nth };
      const life = {
        type: made,
        kernelNamespaceId: String(nth),
        creator,
        bornUs: atUs - count + nth,
      };
      books.admit(`${made}:${nth}`, life, null);
      books.end(`${made}:${nth}`, atUs - count + nth + 1);
    }
    books.addStorms({ atUs, everyUs: 0 }, draft);
    this.#append(draft.events);
  }

  #append(events: readonly AuditEvent[]): void {
    if (events.length > 0) {
      this.batches.push(structuredClone([...events]));
      for (const event of structuredClone(events)) {
        evolve(this.#known, event);
      }
    }
  }
}
