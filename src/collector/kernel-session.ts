/**
 * Watching by kernel events: drain, judge, append; ask after what nobody holds; scan for what no event tells.
 *
 * Holds:     the order of things: records up to the end of a scan are judged before the scan is, and answers
 *            to a question after every record older than the question.
 * Promises:  a batch that was taken from the rings is durable before the next one is judged; a loss is an
 *            event, followed by what the map of live namespaces still knows and by a scan.
 * Does not:  decide what a record means (domain) or when to do what (run-collector.ts).
 * Proved by: test/kernel/kernel-lives.test.ts, test/kernel/storm.test.ts
 */
import { setImmediate as yieldLoop, setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from '../domain/arrival.ts';
import { deriveEvents, type DerivePolicy } from '../domain/derive-events.ts';
import { deriveKernelEvents, deriveLossesClosed } from '../domain/derive-kernel-events.ts';
import { deriveUnlistedMounts } from '../domain/derive-kernel-mounts.ts';
import {
  listSeen,
  openStorms,
  settleStorms,
  type StormInput,
} from '../domain/derive-kernel-storms.ts';
import { withRelatives } from '../domain/derive-relatives.ts';
import { startFoldingDraft, type Draft } from '../domain/draft.ts';
import type { AuditEvent } from '../domain/event.ts';
import type { GrowthPolicy } from '../domain/growth-policy.ts';
import type { InitialNamespaces } from '../domain/initial-namespaces.ts';
import { isHeldByPending } from '../domain/kernel-holders.ts';
import {
  beginScan,
  createKernelMemory,
  refreshVacancies,
  type KernelMemory,
} from '../domain/kernel-memory.ts';
import type { Known } from '../domain/known.ts';
import type { Lifespan } from '../domain/lifespan.ts';
import { openMemberBooks } from '../domain/member-books.ts';
import { SCAN_SOURCES, type Scan } from '../domain/scan.ts';
import { listSeenKeys, noteMounts } from '../domain/settle-scan.ts';
import { US_PER_MS } from '../domain/time.ts';
import type { Watch } from '../domain/watch.ts';
import type { AddAncestors } from '../observe/ancestry.ts';
import type { HandleProbe } from '../observe/handle-probe.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import type { KernelEvents } from '../observe/kernel-events.ts';
import { findLastUs, startLostBirths, type LostBirths } from './lost-births.ts';
import { startProbeRound, type ProbeRound } from './probe-round.ts';
import type { Recorder } from './recorder.ts';

export interface KernelSessionOptions {
  readonly recorder: Recorder;
  readonly clock: TimelineClock;
  readonly events: KernelEvents;
  /** Null where the kernel has no namespace handles, or will not let us use them. */
  readonly probe: HandleProbe | null;
  readonly scan: () => Scan;
  readonly bootId: string;
  readonly initial: InitialNamespaces;
  /** As in Running. */
  readonly own: ProcessIdentity | null;
  readonly addAncestors: AddAncestors;
  readonly policy: Pick<DerivePolicy, 'initialHolders' | 'heartbeatUs'>;
  /** What is counted instead of listed, at the moment. */
  readonly growth: () => GrowthPolicy;
  /** Goes on after a time in which nothing could be recorded: what was read then and not stored is in the map only. */
  readonly isResumed: boolean;
  /** What the log says at the start, see resumeWatch. */
  readonly watch: Watch;
}

/**
 * Records judged in one transaction. Between two of them the rings are emptied again, which in the fastest
 * storm are full after a third of a second.
 */
const BATCH_RECORDS = 300;
/** In a storm others want their turn: readers want to know how far the record is, and signals. */
const DRAIN_MAX_US = 500_000;
/** Younger records may not be in their final order yet (KernelEvents.take), so a scan waits for them. */
const HORIZON_MS = 3;

/** Hooks must be attached already, so that nothing falls between them and the first scan. */
export class KernelSession {
  readonly #options: KernelSessionOptions;
  readonly #memory = createKernelMemory();
  readonly #lostBirths: LostBirths;
  readonly #round: ProbeRound;
  #watch: Watch;
  #nsfsDev: string | null = null;
  #watchedUs: number;
  #continuedFromUs: number | null = null;
  #isBehind = false;
  #hasScanned = false;
  #isStop = false;

  constructor(options: KernelSessionOptions) {
    const { recorder, clock, events, probe, watch, isResumed } = options;
    this.#options = options;
    this.#watch = watch;
    this.#watchedUs = recorder.known.lastAt;
    const state = { known: recorder.known, memory: this.#memory };
    const nowUs = () => clock.timelineUs();
    const isRecorded = (id: string) => recorder.isRecorded(id);
    const rings = { recover: () => events.recover(), isOwed: events.isTakenOver || isResumed };
    this.#lostBirths = startLostBirths(rings, { ...state, isRecorded }, nowUs);
    this.#round = startProbeRound(probe, state, nowUs);
    this.#refreshVacancies();
    if (events.isTakenOver && !isResumed) {
      this.#goOn();
    }
  }

  /** The memory of scans, for the stop. */
  get watch(): Watch {
    return this.#watch;
  }

  /** Something happened that only a scan can tell, or a gap waits for a second scan to be closed. */
  get isScanWanted(): boolean {
    return this.#memory.isScanWanted || this.#watch.gap !== null;
  }

  /** The record has everything up to this instant. */
  get watchedUs(): number {
    return this.#watchedUs;
  }

  /** More has happened than could be taken in: a scan would have to wait for it. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Takes what has happened into the record, for half a second at most; returns the number of records. */
  drain(): Promise<number> {
    return this.#drain(this.#options.clock.timelineUs() + DRAIN_MAX_US);
  }

  /**
   * Asks after namespaces without a holder that are due, and returns how many answers wait for a drain
   * that has judged every record up to the question.
   */
  ask(): number {
    return this.#round.ask();
  }

  /**
   * Scans, and judges the scan beside the records that came meanwhile. `busyUs` is the CPU time that both
   * took.
   */
  async scan(): Promise<{ readonly scan: Scan; readonly busyUs: number }> {
    const { clock, scan: look } = this.#options;
    await this.#drain(Number.POSITIVE_INFINITY);
    beginScan(this.#memory);
    const startedUs = cpuTimeUs();
    const scan = look();
    const scannedUs = clock.timelineUs();
    const lookUs = cpuTimeUs() - startedUs;
    await sleep(HORIZON_MS);
    await this.#drain(Number.POSITIVE_INFINITY);
    const judgingUs = cpuTimeUs();
    this.#judgeScan(scan, scannedUs);
    return { scan, busyUs: lookUs + cpuTimeUs() - judgingUs };
  }

  /** Takes in what has happened until now, and what was held back. */
  async finish(): Promise<void> {
    await sleep(HORIZON_MS);
    await this.#drain(Number.POSITIVE_INFINITY);
    this.#isStop = true;
    this.#record(() => {}, this.#options.clock.timelineUs());
  }

  /** Hooks watched on between the last run and this one. */
  #goOn(): void {
    this.#continuedFromUs = this.#watch.previous?.endedAtUs ?? null;
    this.#watch = { ...this.#watch, resumed: null };
  }

  async #drain(untilUs: number): Promise<number> {
    const { clock, events } = this.#options;
    // Records up to here are in their final order, and taken below.
    const settledUs = clock.timelineUs() - HORIZON_MS * US_PER_MS;
    let count = 0;
    this.#isBehind = true;
    while (this.#isBehind && clock.timelineUs() < untilUs) {
      events.pump();
      const taken = events.take(BATCH_RECORDS);
      const records = this.#options.addAncestors(this.#lostBirths.addTo(taken));
      if (records.length > 0) {
        this.#watchedUs = Math.max(this.#watchedUs, findLastUs(records));
        this.#record((input, draft) => deriveKernelEvents(input, records, draft), this.#watchedUs);
      }
      count += records.length;
      this.#isBehind = taken.length >= BATCH_RECORDS;
      if (this.#isBehind) {
        await yieldLoop();
      }
    }
    if (!this.#isBehind) {
      this.#watchedUs = settledUs;
      this.#judgeAnswers(settledUs);
    }
    return count;
  }

  #judgeAnswers(settledUs: number): void {
    const judge = this.#round.take(settledUs);
    const { pending, storms } = this.#memory.births;
    if (judge !== null) {
      this.#record(judge, settledUs);
    } else if (pending.size + storms.size > 0) {
      this.#record(() => {}, settledUs);
    }
  }

  /** Derives into the known state, then appends: one transaction. All records up to `settledUs` are in. */
  #record(derive: (input: StormInput, draft: Draft) => void, settledUs: number): void {
    const { recorder, clock, events, policy, growth } = this.#options;
    const { known } = recorder;
    const memory = this.#memory;
    const atUs = Math.max(clock.timelineUs(), known.lastAt);
    const bare = startFoldingDraft(known, atUs, (event) => recorder.fold(event));
    const draft = withRelatives(known, bare);
    const books = openMemberBooks(this.#watch.members, growth());
    const storms = openStorms(memory, growth());
    const input: StormInput = {
      known,
      watch: this.#watch,
      memory,
      books,
      births: storms.births,
      bootId: this.#options.bootId,
      nsfsDev: this.#nsfsDev,
      initial: { ...this.#options.initial, ...this.#watch.initial },
      initialHolders: policy.initialHolders,
      own: this.#options.own,
    };
    derive(input, draft);
    settleStorms(input, { atUs: settledUs, isStop: this.#isStop }, draft);
    // By the time of the records, not of the clock: who lags behind a storm must not forget that there is one.
    storms.close(settledUs);
    this.#watch = { ...this.#watch, members: books.close(settledUs) };
    // Writing takes its time, and a storm does not wait.
    events.pump();
    const forgettable = memory.forgettable.splice(0);
    if (forgettable.length > 0) {
      events.willForget(forgettable, known.position);
    }
    recorder.appendFolded(draft.events, atUs);
    events.forget(forgettable);
  }

  #judgeScan(scan: Scan, scannedUs: number): void {
    const { recorder, policy, growth, events } = this.#options;
    const { known } = recorder;
    const memory = this.#memory;
    const seen = listSeenKeys(scan);
    this.#record((input, draft) => listSeen(input, seen, draft), scannedUs);
    const gapEndUs = Math.max(this.#watch.gapEndUs, memory.lossUs);
    const derived = deriveEvents(known, { ...this.#watch, gapEndUs }, scan, {
      ...policy,
      growth: growth(),
      source: 'kernel',
      own: this.#options.own,
      continuedFromUs: this.#continuedFromUs,
      kernel: { memory, tellsEnd: (lifespan) => tellsEnd(this.#options, memory, lifespan) },
      // Hooks watch on while scans pause.
      silenceMaxUs: Number.POSITIVE_INFINITY,
    });
    noteForgettable(memory, known, derived.events);
    recorder.append(derived.events, Math.max(scan.endedAtUs, known.lastAt));
    noteMounts(memory, scan);
    events.remember(listUntold(known, this.#hasScanned ? derived.events : null));
    this.#hasScanned = true;
    this.#watch = derived.watch;
    this.#continuedFromUs = null;
    this.#nsfsDev = scan.nsfsDev ?? this.#nsfsDev;
    this.#refreshVacancies();
    if (SCAN_SOURCES.every((source) => scan.covered.includes(source))) {
      const found = { inferred: countInferred(derived.events), unknown: derived.unknownCount };
      this.#record((input, draft) => {
        deriveUnlistedMounts(input, draft);
        deriveLossesClosed(input, found, draft);
      }, scannedUs);
    }
  }

  #refreshVacancies(): void {
    const { recorder, clock, growth } = this.#options;
    const { known } = recorder;
    const books = openMemberBooks(this.#watch.members, growth());
    refreshVacancies(
      { known, memory: this.#memory },
      { atUs: clock.timelineUs(), isHeldOtherwise: (id) => isHeldByPending({ known, books }, id) },
    );
  }
}

/**
 * Whether the end of a life will be told by a hook or a handle. Not where its hook may have been missed,
 * nor where there is no id to ask with: then scans decide, as in the procfs profile.
 */
function tellsEnd(
  { events, probe }: KernelSessionOptions,
  { lossUs }: KernelMemory,
  { kernelNamespaceId, born }: Lifespan,
): boolean {
  const isAskable = probe !== null && kernelNamespaceId !== null;
  return isAskable || (events.profile === 'trampoline' && lossUs < born.by);
}

/** Of this process, in microseconds: on a busy host a scan waits longer than it works. */
function cpuTimeUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Called before the events are folded: afterwards nobody knows the ids any more. */
function noteForgettable(memory: KernelMemory, known: Known, events: readonly AuditEvent[]): void {
  for (const event of events) {
    const lifespan =
      event.event === 'namespace.disappeared' ? known.lifespans.get(event.lifespan) : undefined;
    if (lifespan && lifespan.kernelNamespaceId !== null) {
      memory.forgettable.push(lifespan);
    }
  }
}

/**
 * Namespaces that no hook told of, so that the kernel side does not wait for their end yet: after the first
 * scan all, later those that a scan found.
 */
function listUntold(known: Known, found: readonly AuditEvent[] | null): Lifespan[] {
  const lifespans =
    found === null
      ? [...known.lifespans.values()]
      : found.flatMap((event) =>
          event.event === 'namespace.born' ? (known.lifespans.get(event.lifespan) ?? []) : [],
        );
  return lifespans.filter(({ initial }) => !initial);
}

/** Births and ends that hooks should have told and only the scan did. */
function countInferred(events: readonly AuditEvent[]): number {
  return events.filter(
    ({ event }) => event === 'namespace.born' || event === 'namespace.disappeared',
  ).length;
}
