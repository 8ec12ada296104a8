/**
 * What must survive a collector that is killed is put into maps before it is taken out of the life ring: the
 * births, so that each is always in one of the two, and what later repetitions stand for. Programs that ask the
 * map of live namespaces themselves put births there at once (struct config, tells_ends); for the others that
 * would cost the process they watch too much.
 */
import type { BaseNote } from './kernel-bases.ts';
import { readHeader } from './kernel-decode.ts';
import { BIRTH, RECORD_KIND } from './kernel-layout.ts';
import type { RawRecords } from './kernel-memory.ts';
import { createRepeats, type KnownRepeats } from './kernel-repeats.ts';
import { walkChunk, type RingChunk } from './kernel-ring.ts';
import { eachLiveEntry } from './kernel-unshared.ts';
import type { Libbpf } from './libbpf.ts';

export interface LifeKeeper {
  /** Keeps what the chunk tells. Throws KernelCallError. */
  keep(chunk: RingChunk): void;
  /** By CPU, the number of the last repeat that was kept. */
  readonly keptSeqs: readonly number[];
  /** Births that found the map full. */
  readonly missedCount: number;
}

const KEY_BYTES = 8;
const BATCH_ENTRIES = 1_024;

/** @param live descriptor of the map of live namespaces; null where the programs put births there */
export function createLifeKeeper(
  libbpf: Libbpf,
  live: number | null,
  bases: BaseNote,
  known: KnownRepeats,
): LifeKeeper {
  const repeats = createRepeats(known, true);
  const births = live === null ? null : createBirthBatch(libbpf, live);
  return {
    keep(chunk) {
      walkChunk(chunk, 0, Number.POSITIVE_INFINITY, (at) => {
        repeats.unfold(chunk, at, (raw, from) => {
          if (readHeader(raw, from).kind === RECORD_KIND.unshared) {
            births?.add(raw, from);
          }
        });
      });
      births?.flush();
      bases.write(repeats.takeLearnt());
    },
    keptSeqs: repeats.lastSeqs,
    get missedCount() {
      return births?.missedCount ?? 0;
    },
  };
}

function createBirthBatch(libbpf: Libbpf, map: number) {
  const keys = Buffer.alloc(BATCH_ENTRIES * KEY_BYTES);
  const values = Buffer.alloc(BATCH_ENTRIES * BIRTH.bytes);
  let count = 0;
  let missedCount = 0;

  function flush(): void {
    if (count > 0) {
      missedCount += count - libbpf.updateBatch(map, keys, values, count);
      count = 0;
    }
  }

  return {
    /** All births of an unshared record. */
    add(raw: RawRecords, at: number) {
      eachLiveEntry(raw, at, (key, value) => {
        keys.set(key, count * KEY_BYTES);
        values.set(value, count * BIRTH.bytes);
        count += 1;
        if (count === BATCH_ENTRIES) {
          flush();
        }
      });
    },
    flush,
    get missedCount() {
      return missedCount;
    },
  };
}
