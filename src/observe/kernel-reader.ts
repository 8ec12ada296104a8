/**
 * The map `reader`: shared memory that outlives a collector with the pins, and says who reads the rings.
 *
 * Words: pid, start time in ticks, profile, losses told of the life and the holders stream, when the rings
 * were last emptied on the boot clock, and runs of programs told as left out, by stream.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KERNEL_STREAMS, type KernelStream } from '../domain/kernel-record.ts';
import type { KernelProfile } from './kernel-hooks.ts';
import type { Libc } from './libc.ts';
import { parseStatLine } from './stat-line.ts';

export interface ReaderState {
  /** Null until everything is attached and pinned. */
  profile: KernelProfile | null;
  /** Losses of the stream that were told already. */
  toldLost(stream: KernelStream): number;
  setToldLost(stream: KernelStream, count: number): void;
  /** Runs of the programs of a stream that were told as left out, see kernel-missed.ts. */
  toldMissed(stream: KernelStream): number;
  setToldMissed(stream: KernelStream, count: number): void;
  lastPumpNs: number;
  /** Pid of another process that reads these rings at this moment, or null. */
  findOtherReader(procRoot: string): number | null;
  /** From now on this process is the reader. */
  claim(procRoot: string): void;
  close(): void;
}

const WORD = { pid: 0, startTicks: 1, profile: 2, told: 3, lastPump: 5, missed: 6 } as const;
const WORDS = 8;
const PROFILES: readonly (KernelProfile | null)[] = [null, 'tracepoint', 'trampoline'];

/** Maps the reader map. Throws KernelCallError. */
export function openReaderState(libc: Libc, fd: number): ReaderState {
  const mapping = libc.map(fd, 0, libc.pageBytes, 'write');
  const words = new BigUint64Array(mapping.bytes.buffer, mapping.bytes.byteOffset, WORDS);
  const read = (index: number): number => Number(words[index] ?? 0n);
  const write = (index: number, value: number): void => {
    words[index] = BigInt(value);
  };
  return {
    get profile() {
      return PROFILES[read(WORD.profile)] ?? null;
    },
    set profile(profile) {
      write(WORD.profile, PROFILES.indexOf(profile));
    },
    toldLost: (stream) => read(wordOf(WORD.told, stream)),
    setToldLost: (stream, count) => write(wordOf(WORD.told, stream), count),
    toldMissed: (stream) => read(wordOf(WORD.missed, stream)),
    setToldMissed: (stream, count) => write(wordOf(WORD.missed, stream), count),
    get lastPumpNs() {
      return read(WORD.lastPump);
    },
    set lastPumpNs(bootNs) {
      write(WORD.lastPump, bootNs);
    },
    findOtherReader(procRoot) {
      const pid = read(WORD.pid);
      const isAlive = pid !== 0 && readStartTime(procRoot, pid) === read(WORD.startTicks);
      return isAlive && pid !== process.pid ? pid : null;
    },
    claim(procRoot) {
      write(WORD.pid, process.pid);
      write(WORD.startTicks, readStartTime(procRoot, process.pid) ?? 0);
    },
    close: mapping.unmap,
  };
}

function wordOf(first: number, stream: KernelStream): number {
  return first + KERNEL_STREAMS.indexOf(stream);
}

function readStartTime(procRoot: string, pid: number): number | null {
  try {
    return parseStatLine(readFileSync(join(procRoot, String(pid), 'stat')))?.startTimeTicks ?? null;
  } catch {
    return null;
  }
}
