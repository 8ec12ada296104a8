/**
 * The map `cpus`: what the event programs keep at hand for each CPU, as shared memory that outlives a collector
 * with the pins. Layout: struct cpu_state in bpf/records.h, kernel-layout.ts.
 *
 * Births that repeat the one before wait here until sixteen of them go into the life ring together. Nobody knows
 * when the next one comes, so the reader takes them from here as well, and passes over what it meets again in the ring.
 */
import { KERNEL_STREAMS, type KernelStream } from '../domain/kernel-record.ts';
import {
  COUNTERS,
  CPU_STATE,
  HEADER,
  REPEAT,
  REPEATED,
  REPEATS_MAX,
  TOLD_LAST,
} from './kernel-layout.ts';
import { joinRecords, type RingChunk } from './kernel-ring.ts';
import type { Libc } from './libc.ts';

export interface CpuStates {
  /** By CPU, the number it gave out last. */
  readSeqs(stream: KernelStream): number[];
  /** Of all numbers given out, those of records that found no room. */
  readDroppedCount(stream: KernelStream): number;
  /**
   * What waits, as the ring would have it. To be called before the ring is emptied: what went there in the
   * meantime is then found twice, and never not at all. Null where nothing waits.
   */
  copyWaiting(): RingChunk | null;
  /** By CPU, the number of the last repeat that a reader took from here. */
  readTaken(): number[];
  noteTaken(seqs: readonly number[]): void;
  /** Makes the programs look up every path again, and tell the next birth in full. */
  forgetTold(): void;
  close(): void;
}

/** Maps the map, which has `cpuCount` entries. Throws KernelCallError. */
export function openCpuStates(libc: Libc, fd: number, cpuCount: number): CpuStates {
  const length = cpuCount * CPU_STATE.bytes;
  const mapping = libc.map(fd, 0, length, 'write');
  const { buffer, byteOffset } = mapping.bytes;
  const memory: SharedStates = {
    bytes: Buffer.from(buffer, byteOffset, length),
    words: new Uint32Array(buffer, byteOffset, length / 4),
    counts: new BigUint64Array(buffer, byteOffset, length / 8),
  };
  const states = Array.from({ length: cpuCount }, (_, cpu) => cpu * CPU_STATE.bytes);
  return {
    readSeqs: (stream) =>
      states.map((at) => loadCount(memory, at + counterAt(stream) + COUNTERS.seq)),
    readDroppedCount: (stream) =>
      states
        .map((at) => loadCount(memory, at + counterAt(stream) + COUNTERS.dropped))
        .reduce((sum, count) => sum + count, 0),
    copyWaiting() {
      const records = states.flatMap((at) => copyRepeated(memory, at) ?? []);
      return records.length === 0 ? null : joinRecords(records);
    },
    readTaken: () => states.map((at) => loadCount(memory, at + CPU_STATE.takenSeq)),
    noteTaken(seqs) {
      for (const [cpu, seq] of seqs.entries()) {
        memory.counts[(cpu * CPU_STATE.bytes + CPU_STATE.takenSeq) >> 3] = BigInt(seq);
      }
    },
    forgetTold() {
      for (const at of states) {
        memory.bytes.fill(0, at + CPU_STATE.told, at + CPU_STATE.told + TOLD_LAST.bytes);
        Atomics.store(memory.counts, (at + CPU_STATE.base + HEADER.seq) >> 3, 0n);
      }
    },
    close: mapping.unmap,
  };
}

interface SharedStates {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly counts: BigUint64Array;
}

function counterAt(stream: KernelStream): number {
  return CPU_STATE.counters + COUNTERS.bytes * KERNEL_STREAMS.indexOf(stream);
}

function loadCount({ counts }: SharedStates, at: number): number {
  return Number(Atomics.load(counts, at >> 3));
}

/**
 * The repeats that wait on one CPU as a record. Null where none do, and where they went into the ring while we
 * looked: the program writes a repeat, then counts it, and overwrites the first one only after all are in the ring.
 */
function copyRepeated(memory: SharedStates, state: number): Buffer | null {
  const count = countWaiting(memory, state);
  if (count === 0) {
    return null;
  }
  const first = copyFirst(memory, state, count);
  const second = copyFirst(memory, state, count);
  return countWaiting(memory, state) >= count && second.equals(first) ? first : null;
}

function countWaiting({ words }: SharedStates, state: number): number {
  return Math.min(Atomics.load(words, (state + CPU_STATE.waiting) >> 2), REPEATS_MAX);
}

function copyFirst({ bytes }: SharedStates, state: number, count: number): Buffer {
  const at = state + CPU_STATE.repeated;
  const copy = Buffer.from(bytes.subarray(at, at + REPEATED.repeats + count * REPEAT.bytes));
  // The program writes the count only when it sends them.
  copy.writeUInt8(count, HEADER.count);
  return copy;
}
