/**
 * The map `bases`: for each CPU the whole records that repeated ones in the ring stand for (kernel-repeats.ts).
 * It outlives a collector with the pins: who comes next finds repetitions of what the one before had read.
 *
 * Two for each CPU: the last one that was read, and the one before. The reader writes them before it gives the
 * ring free, so at a kill in between the ring may still hold repetitions of either.
 */
import { HEADER, readCount, RECORD_KIND, UNSHARED } from './kernel-layout.ts';
import type { RawRecords } from './kernel-memory.ts';
import { copyRecord, type RepeatBase } from './kernel-repeats.ts';
import type { Libc } from './libc.ts';

export interface BaseNote {
  /** One for each CPU at most; the one before it is kept too. */
  write(bases: readonly RepeatBase[]): void;
  read(): RepeatBase[];
  close(): void;
}

const ENTRY_BYTES = 2 * UNSHARED.bytes;

/** Maps the map, which has `cpuCount` entries. Throws KernelCallError. */
export function openBaseNote(libc: Libc, fd: number, cpuCount: number): BaseNote {
  const mapping = libc.map(fd, 0, cpuCount * ENTRY_BYTES, 'write');
  const { buffer, byteOffset } = mapping.bytes;
  const noted: RawRecords = {
    bytes: Buffer.from(buffer, byteOffset, cpuCount * ENTRY_BYTES),
    words: new Uint32Array(buffer, byteOffset, (cpuCount * ENTRY_BYTES) / 4),
  };
  return {
    write(bases) {
      for (const { cpu, raw } of bases) {
        const at = cpu * ENTRY_BYTES;
        // In this order: whoever is killed here leaves the older one whole.
        noted.bytes.copyWithin(at + UNSHARED.bytes, at, at + UNSHARED.bytes);
        noted.bytes.set(raw.bytes, at);
      }
    },
    read() {
      const bases: RepeatBase[] = [];
      for (let at = 0; at < noted.bytes.length; at += UNSHARED.bytes) {
        if (noted.bytes[at + HEADER.kind] === RECORD_KIND.unshared) {
          const seq = readCount(noted.words, at + HEADER.seq);
          bases.push({ cpu: Math.floor(at / ENTRY_BYTES), seq, raw: copyRecord(noted, at) });
        }
      }
      return bases;
    },
    close: mapping.unmap,
  };
}
