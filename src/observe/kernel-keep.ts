/**
 * Puts births into the map of live namespaces before they are taken out of their ring, so that a collector
 * that is killed leaves every birth in one of the two. Programs that ask the map themselves put them there
 * at once (struct config, tells_ends); for the others that would cost the process they watch too much.
 */
import { readHeader } from './kernel-decode.ts';
import { BIRTH, RECORD_KIND } from './kernel-layout.ts';
import { walkChunk, type RingChunk } from './kernel-ring.ts';
import { eachLiveEntry } from './kernel-unshared.ts';
import type { Libbpf } from './libbpf.ts';

export interface BirthKeeper {
  /** Keeps what the chunk tells of births. Throws KernelCallError. */
  keep(chunk: RingChunk): void;
  /** Births that found the map full. */
  readonly missedCount: number;
}

const KEY_BYTES = 8;
const BATCH_ENTRIES = 1_024;

/** @param map descriptor of the map of live namespaces */
export function createBirthKeeper(libbpf: Libbpf, map: number): BirthKeeper {
  const keys = Buffer.alloc(BATCH_ENTRIES * KEY_BYTES);
  const values = Buffer.alloc(BATCH_ENTRIES * BIRTH.bytes);
  let count = 0;
  let missedCount = 0;

  function flush(): void {
    missedCount += count - libbpf.updateBatch(map, keys, values, count);
    count = 0;
  }

  return {
    keep(chunk) {
      walkChunk(chunk, 0, Number.POSITIVE_INFINITY, (at) => {
        if (readHeader(chunk, at).kind !== RECORD_KIND.unshared) {
          return;
        }
        eachLiveEntry(chunk, at, (key, value) => {
          keys.set(key, count * KEY_BYTES);
          values.set(value, count * BIRTH.bytes);
          count += 1;
          if (count === BATCH_ENTRIES) {
            flush();
          }
        });
      });
      if (count > 0) {
        flush();
      }
    },
    get missedCount() {
      return missedCount;
    },
  };
}
