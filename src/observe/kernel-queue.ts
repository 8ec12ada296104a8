/**
 * Puts the records of both rings into one order, that of time, and tells what was lost.
 *
 * Within a ring records are nearly in order: a writer reads the clock, then takes its place in the ring.
 * So a record is final once everything up to a moment a little later has been looked at in both rings.
 */
import { KERNEL_STREAMS, type KernelRecord, type KernelStream } from '../domain/kernel-record.ts';
import type { KernelDecoder } from './kernel-decode.ts';
import { RECORD_KIND } from './kernel-layout.ts';
import type { LossWatchStart } from './kernel-losses.ts';
import { createRepeats, type KnownRepeats } from './kernel-repeats.ts';
import type { RingChunk } from './kernel-ring.ts';
import {
  createKernelStreamQueue,
  type KernelStreamQueue,
  type SequenceSnapshot,
  type StreamEntry,
} from './kernel-stream.ts';

export interface KernelQueue {
  /** See KernelStreamQueue. */
  add(
    stream: KernelStream,
    copied: readonly RingChunk[],
    before: SequenceSnapshot,
    isWhole: boolean,
  ): void;
  /** Records that nobody has taken yet. */
  readonly pendingCount: number;
  /** About `max` records (a task that moved comes with all that it made) whose place in the order is final, and the losses up to there. */
  take(max: number): KernelRecord[];
  /** Told so far. */
  readonly lostCounts: Readonly<Record<KernelStream, number>>;
}

export interface KernelQueueOptions {
  readonly anchorUs: number;
  /** Instants on the boot clock in nanoseconds. */
  readonly starts: Readonly<Record<KernelStream, LossWatchStart>>;
  /** Losses that an earlier reader of the same rings has told. */
  readonly toldCounts: Readonly<Record<KernelStream, number>>;
  /** What an earlier reader of the life ring had read and repeats still stand for. */
  readonly repeats: KnownRepeats;
}

const NS_PER_US = 1_000;
const BATCH = 512;

/** At the same instant the birth of a namespace comes before whoever is in it. */
const RANKS = new Map<number, number>([
  [RECORD_KIND.birth, 0],
  [RECORD_KIND.unshared, 0],
  [RECORD_KIND.joined, 1],
  [RECORD_KIND.moved, 1],
  [RECORD_KIND.mounted, 1],
  [RECORD_KIND.unmounted, 2],
  [RECORD_KIND.closed, 2],
  [RECORD_KIND.left, 2],
  [RECORD_KIND.unreferenced, 3],
  [RECORD_KIND.destroyed, 4],
]);

export function createKernelQueue(
  decoder: KernelDecoder,
  { anchorUs, starts, toldCounts, repeats }: KernelQueueOptions,
): KernelQueue {
  const streams: Record<KernelStream, KernelStreamQueue> = {
    life: createKernelStreamQueue(decoder, starts.life, createRepeats(repeats, false)),
    holders: createKernelStreamQueue(
      decoder,
      starts.holders,
      createRepeats({ bases: [], taken: [] }, false),
    ),
  };
  const lostCounts = { ...toldCounts };
  const window = createWindow([streams.life, streams.holders]);
  const toTimeline = (bootNs: number): number => anchorUs + Math.floor(bootNs / NS_PER_US);

  function takeLosses(): KernelRecord[] {
    const limit = window.peek()?.header.bootNs ?? window.limitNs();
    return KERNEL_STREAMS.flatMap((stream) => {
      const loss = streams[stream].takeLoss(limit);
      if (loss === null) {
        return [];
      }
      lostCounts[stream] += loss.count;
      const [fromUs, toUs] = [toTimeline(loss.from), toTimeline(loss.to)];
      return [{ kind: 'lost' as const, atUs: toUs, stream, count: loss.count, fromUs, toUs }];
    });
  }

  return {
    add: (stream, ...what) => streams[stream].add(...what),
    get pendingCount() {
      return streams.life.undecodedCount + streams.holders.undecodedCount + window.count();
    },
    take(max) {
      const taken: KernelRecord[] = [];
      while (taken.length < max) {
        const entry = window.next();
        if (entry === undefined) {
          break;
        }
        taken.push(...decoder.decode(entry.raw, entry.at));
      }
      return [...taken, ...takeLosses()];
    },
    lostCounts,
  };
}

interface Window {
  /** The next entry in final order, undefined when there is none. */
  next(): StreamEntry | undefined;
  /** What `next` would give without looking any further. */
  peek(): StreamEntry | undefined;
  /** Up to where the order of what was looked at is final. */
  limitNs(): number;
  count(): number;
}

/** The entries that were looked at and not taken: those in final order, and those still too young for it. */
function createWindow(streams: readonly KernelStreamQueue[]): Window {
  let young: StreamEntry[] = [];
  let final: StreamEntry[] = [];
  let position = 0;

  const limitNs = (): number => Math.min(...streams.map(({ frontierNs }) => frontierNs));

  /** Looks at more until something is final or nothing is left. */
  function refill(): void {
    [final, position] = [[], 0];
    for (;;) {
      const [behind] = streams
        .filter(({ undecodedCount }) => undecodedCount > 0)
        .toSorted((left, right) => left.lastNs - right.lastNs);
      if (behind === undefined || young.length >= BATCH) {
        const limit = limitNs();
        final = young.filter(({ header }) => header.bootNs <= limit).toSorted(compareEntries);
        young = young.filter(({ header }) => header.bootNs > limit);
      }
      if (behind === undefined || final.length > 0) {
        return;
      }
      behind.decodeBatch(BATCH, (entry) => young.push(entry));
    }
  }

  return {
    next() {
      if (position >= final.length) {
        refill();
      }
      const entry = final[position];
      position += 1;
      return entry;
    },
    peek: () => final[position],
    limitNs,
    count: () => young.length + Math.max(0, final.length - position),
  };
}

function compareEntries({ header: left }: StreamEntry, { header: right }: StreamEntry): number {
  return left.bootNs - right.bootNs || rankOf(left.kind) - rankOf(right.kind);
}

function rankOf(kind: number): number {
  return RANKS.get(kind) ?? 0;
}
