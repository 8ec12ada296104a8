/** What the loops of the collector work with. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessIdentity } from '../domain/arrival.ts';
import type { DerivePolicy } from '../domain/derive-events.ts';
import { deriveClockStep, deriveRecordingChange } from '../domain/derive-session.ts';
import type { GrowthPolicy } from '../domain/growth-policy.ts';
import type { Scan } from '../domain/scan.ts';
import { US_PER_MS, US_PER_SECOND } from '../domain/time.ts';
import type { AddAncestors } from '../observe/ancestry.ts';
import type { TimelineClock } from '../observe/host-clock.ts';
import type { Heartbeat } from './checkpoint-heartbeat.ts';
import type { ContainerRound } from './container-round.ts';
import type { DiskWatch } from './disk-watch.ts';
import type { FileWatch } from './file-watch.ts';
import type { NsidRound } from './nsid-round.ts';
import type { Observers } from './open-observers.ts';
import type { Recorder } from './recorder.ts';
import type { WalWatch } from './wal-watch.ts';

/** When to scan, and when to stop. */
export interface LoopOptions {
  readonly scanIntervalMs: number;
  /** Stops by itself after this long; null: runs until the signal. */
  readonly forMs: number | null;
  /** One scan, then stop. */
  readonly once: boolean;
  readonly initialHolders: DerivePolicy['initialHolders'];
  readonly growth: GrowthPolicy;
  readonly signal: AbortSignal;
}

export interface Running {
  readonly options: LoopOptions;
  /** This process, as procfs shows it; null where it does not. */
  readonly own: ProcessIdentity | null;
  readonly addAncestors: AddAncestors;
  readonly bootId: string;
  /** Goes on after a time in which nothing could be recorded. */
  readonly isResumed: boolean;
  readonly recorder: Recorder;
  readonly clock: TimelineClock;
  readonly observers: Observers;
  readonly disk: DiskWatch;
  readonly wal: WalWatch;
  readonly files: FileWatch;
  /** Timeline instant at which the loop ends by itself. */
  readonly endUs: number;
  readonly containers: ContainerRound;
  readonly nsids: NsidRound;
  /** A scan is in the record. */
  readonly onScan: (scan: Scan) => void;
  /** Signs and publishes the head of the log; null when there is no key. */
  readonly heartbeat: Heartbeat | null;
}

/** A stretch of coverage is written at least this often. */
export const HEARTBEAT_US = 60 * US_PER_SECOND;

/** The loop ends: it was told to, its time is up, or nothing can be recorded any more. */
export function isOver({ options, clock, disk, endUs }: Running): boolean {
  return options.signal.aborted || clock.timelineUs() >= endUs || disk.isSuspended();
}

/**
 * Looks after the disk: a level that has changed is recorded, a write-ahead log that has grown is emptied.
 * That nothing is recorded any more is said by who ends the loop (run-collector.ts).
 */
export function tendDisk({ recorder, clock, disk, wal, files }: Running): void {
  const nowUs = clock.timelineUs();
  files.look(nowUs);
  const change = disk.look(nowUs);
  if (change !== null && !disk.isSuspended()) {
    const { known } = recorder;
    const atUs = Math.max(nowUs, known.lastAt);
    const news = { ...change, reason: 'space', error: null, ...toSpaceNews(disk) } as const;
    recorder.append(deriveRecordingChange(known, news, { atUs, watch: null }), atUs);
  }
  wal.look(nowUs, disk.level);
}

/** What `recording.changed` says about the disk. */
export function toSpaceNews({ space, growth }: DiskWatch) {
  return {
    freeBytes: space?.freeBytes ?? null,
    totalBytes: space?.totalBytes ?? null,
    growth,
  };
}

/** Records that the wall clock was set, when it was. */
export function recordClockStep({ recorder, clock }: Running): void {
  const reading = { bootTimeUs: clock.bootTimeUs(), wallUs: clock.wallUs() };
  recorder.append(deriveClockStep(recorder.known, reading), clock.timelineUs());
}

/** Says to readers up to when they may rely on the record. */
export function recordPulse(
  running: Running,
  scan: Pick<Scan, 'startedAtUs' | 'endedAtUs'>,
  watchedUs: number | null,
): void {
  const { recorder, options, heartbeat } = running;
  recorder.pulse({
    scanStartedUs: scan.startedAtUs,
    scanEndedUs: scan.endedAtUs,
    scanIntervalUs: options.scanIntervalMs * US_PER_MS,
    watchedUs,
  });
  heartbeat?.beat();
  tendDisk(running);
}

/** Neither a checkpoint nor the disk need wait for a scan that is far away. */
const BEAT_US = US_PER_SECOND;

/** Sleeps as `rest` does, and publishes checkpoints and looks after the disk meanwhile. */
export async function restBeating(running: Running, restUs: number): Promise<void> {
  const { options, heartbeat, clock } = running;
  const endUs = clock.timelineUs() + restUs;
  while (!isOver(running) && endUs - clock.timelineUs() > BEAT_US) {
    await rest(BEAT_US, options.signal);
    heartbeat?.beat();
    tendDisk(running);
  }
  if (!isOver(running)) {
    await rest(endUs - clock.timelineUs(), options.signal);
  }
}

/** Sleeps, and returns at once when the collector is told to stop. */
export async function rest(restUs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.max(0, restUs / US_PER_MS), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}
