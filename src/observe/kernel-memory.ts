/**
 * What repeats in a row of records is made once and handed out again: namespaces, and names of tasks. A
 * memory forgets what another value of the same slot replaces, so it never grows.
 */
import type { KernelNamespace } from '../domain/kernel-record.ts';
import type { NamespaceType } from '../domain/namespace-type.ts';

const MEMORY_SLOTS = 4_096;
const COMM_BYTES = 16;

/** The decimal digits of a u64, null for 0. */
function writeId(low: number, high: number): string | null {
  if (high === 0) {
    return low === 0 ? null : String(low);
  }
  return String((BigInt(high) << 32n) | BigInt(low));
}

export type MakeNamespace = (
  type: NamespaceType,
  inum: number,
  idLow: number,
  idHigh: number,
) => KernelNamespace;

/** Equal arguments give the same object, as long as its slot has not been taken by another. */
export function createNamespaceMemory(): MakeNamespace {
  interface Entry {
    readonly idLow: number;
    readonly idHigh: number;
    readonly namespace: KernelNamespace;
  }
  const slots: (Entry | undefined)[] = Array.from({ length: MEMORY_SLOTS });
  return (type, inum, idLow, idHigh) => {
    const slot = (inum ^ (idLow << 2)) & (MEMORY_SLOTS - 1);
    const known = slots[slot];
    if (
      known?.idLow === idLow &&
      known.idHigh === idHigh &&
      known.namespace.inum === inum &&
      known.namespace.type === type
    ) {
      return known.namespace;
    }
    const namespace = { type, inum, kernelNamespaceId: writeId(idLow, idHigh) };
    slots[slot] = { idLow, idHigh, namespace };
    return namespace;
  };
}

/** Memory that holds records; offsets are multiples of 4. */
export interface RawRecords {
  readonly words: Uint32Array;
  readonly bytes: Buffer;
}

export type ReadComm = (raw: RawRecords, at: number) => string;

/** Reads a comm: up to 15 bytes and a zero byte, of any encoding; what is not UTF-8 becomes U+FFFD. */
export function createCommMemory(): ReadComm {
  interface Entry {
    readonly words: readonly number[];
    readonly text: string;
  }
  const slots: (Entry | undefined)[] = Array.from({ length: MEMORY_SLOTS });
  return ({ words, bytes }, at) => {
    const index = at >> 2;
    const [first = 0, second = 0, third = 0, fourth = 0] = [
      words[index],
      words[index + 1],
      words[index + 2],
      words[index + 3],
    ];
    const slot = (first ^ (second * 31) ^ (third * 17) ^ (fourth * 13)) & (MEMORY_SLOTS - 1);
    const known = slots[slot];
    if (
      known?.words[0] === first &&
      known.words[1] === second &&
      known.words[2] === third &&
      known.words[3] === fourth
    ) {
      return known.text;
    }
    const field = bytes.subarray(at, at + COMM_BYTES);
    const end = field.indexOf(0);
    const text = field.toString('utf8', 0, end < 0 ? field.length : end);
    slots[slot] = { words: [first, second, third, fourth], text };
    return text;
  };
}
