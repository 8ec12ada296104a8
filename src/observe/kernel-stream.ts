/**
 * What was copied out of one ring and not looked at yet, and what its sequence numbers say about losses.
 *
 * Instants are nanoseconds on the boot clock.
 */
import { readHeader, type KernelDecoder, type RecordHeader } from './kernel-decode.ts';
import {
  createLossWatch,
  type Loss,
  type LossWatch,
  type LossWatchStart,
} from './kernel-losses.ts';
import type { RawRecords } from './kernel-memory.ts';
import type { Repeats } from './kernel-repeats.ts';
import { walkChunk, type RingChunk } from './kernel-ring.ts';

/** The number that each CPU had given out, at one moment before a ring was drained. */
export interface SequenceSnapshot {
  readonly seqs: readonly number[];
  readonly bootNs: number;
}

export interface StreamEntry {
  readonly header: RecordHeader;
  readonly raw: RawRecords;
  readonly at: number;
}

export interface KernelStreamQueue {
  /** What was copied out of the ring after the snapshot was taken, and what waited to get there; nothing was left in it if `isWhole`. */
  add(copied: readonly RingChunk[], before: SequenceSnapshot, isWhole: boolean): void;
  /** Looks at the next records. Those that only explain others are learnt and left out. */
  decodeBatch(limit: number, push: (entry: StreamEntry) => void): void;
  readonly undecodedCount: number;
  /** Of the record looked at last. */
  readonly lastNs: number;
  /** No record that is still to come is older than this. */
  readonly frontierNs: number;
  /** The losses that ended by `limitNs`, told once. */
  takeLoss(limitNs: number): Loss | null;
}

/** How long a writer may take from reading the clock to having its record in the ring. */
const SLACK_NS = 2_000_000;

export function createKernelStreamQueue(
  decoder: KernelDecoder,
  start: LossWatchStart,
  repeats: Repeats,
): KernelStreamQueue {
  const losses = createLossWatch(start);
  const chunks: RingChunk[] = [];
  let [position, undecodedCount, lastNs] = [0, 0, 0];
  let drainedNs = start.at;
  let end: SequenceSnapshot | null = null;

  function settleEnd(): void {
    if (chunks.length === 0 && end !== null) {
      noteEnds(losses, end);
      end = null;
    }
  }

  function look(chunk: RingChunk, at: number, push: (entry: StreamEntry) => void): void {
    undecodedCount -= 1;
    // What says nothing to us never arrived: the loss watch finds its number missing.
    repeats.unfold(chunk, at, (raw, from) => {
      const header = readHeader(raw, from);
      losses.note(header, header.bootNs);
      lastNs = Math.max(lastNs, header.bootNs);
      if (!decoder.learn(raw, from)) {
        push({ header, raw, at: from });
      }
    });
  }

  return {
    add(copied, before, isWhole) {
      for (const chunk of copied) {
        chunks.push(chunk);
        undecodedCount += chunk.recordCount;
      }
      drainedNs = isWhole ? before.bootNs : drainedNs;
      end = isWhole ? before : null;
      settleEnd();
    },
    decodeBatch(limit, push) {
      const [chunk] = chunks;
      if (chunk === undefined) {
        return;
      }
      position = walkChunk(chunk, position, limit, (at) => look(chunk, at, push));
      if (position >= chunk.bytes.length) {
        chunks.shift();
        position = 0;
      }
      settleEnd();
    },
    get undecodedCount() {
      return undecodedCount;
    },
    get lastNs() {
      return lastNs;
    },
    get frontierNs() {
      return (chunks.length > 0 ? lastNs : drainedNs) - SLACK_NS;
    },
    takeLoss: (limitNs) => losses.take(limitNs),
  };
}

function noteEnds(losses: LossWatch, { seqs, bootNs }: SequenceSnapshot): void {
  for (const [cpu, seq] of seqs.entries()) {
    if (seq > 0) {
      losses.noteEnd(cpu, seq, bootNs);
    }
  }
}
