/**
 * The map `forgetting`: which namespaces the reader is about to take out of the map of the living, because the
 * log will have all there is to say about them at a position that it has not reached yet.
 *
 * It outlives a collector with the pins. One that is killed between the writing of the log and the taking out
 * leaves births in the map that the log has counted, and counts name nobody: who comes next reads here that
 * they are in the record if the log reached that position, and that they are still to be told if not.
 *
 * Words: how many there are, the position, and their keys in the map of the living.
 */
import type { KernelNamespace } from '../domain/kernel-record.ts';
import type { Libc } from './libc.ts';

export interface ForgettingNote {
  /** What does not fit is left out: 32,766 namespaces do. */
  write(namespaces: readonly KernelNamespace[], position: number): void;
  /** Keys as in the map of the living; none where nothing was noted whole. */
  read(): { readonly position: number; readonly keys: readonly bigint[] };
  close(): void;
}

/** max_entries of the map, in bpf/maps.h. */
const WORDS = 1 << 15;
const WORD_BYTES = 8;
const WORD = { count: 0, position: 1, keys: 2 } as const;

/** Maps the map. Throws KernelCallError. */
export function openForgettingNote(libc: Libc, fd: number): ForgettingNote {
  const mapping = libc.map(fd, 0, WORDS * WORD_BYTES, 'write');
  const words = new BigUint64Array(mapping.bytes.buffer, mapping.bytes.byteOffset, WORDS);
  return {
    write(namespaces, position) {
      // Last of all the count: a note that was cut short says nothing, and the log was not written yet.
      words[WORD.count] = 0n;
      words[WORD.position] = BigInt(position);
      const count = Math.min(namespaces.length, WORDS - WORD.keys);
      for (let index = 0; index < count; index += 1) {
        words[WORD.keys + index] = toLiveKey(namespaces[index]);
      }
      words[WORD.count] = BigInt(count);
    },
    read() {
      const count = Number(words[WORD.count]);
      return {
        position: Number(words[WORD.position]),
        keys: [...words.subarray(WORD.keys, WORD.keys + count)],
      };
    },
    close: mapping.unmap,
  };
}

/** As key_of() in emit.h; 0 is nobody's. */
export function toLiveKey(namespace: KernelNamespace | undefined): bigint {
  return BigInt(namespace?.kernelNamespaceId ?? namespace?.inum ?? 0);
}
