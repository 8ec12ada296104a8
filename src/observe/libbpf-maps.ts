/** Reading and writing BPF maps by descriptor. Source: bpf(2), kernel/bpf/syscall.c generic_map_lookup_batch. */
import type { LibbpfCalls } from './libbpf-calls.ts';
import { KernelCallError } from './libc.ts';

export interface MapEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface MapAccess {
  /** Fills `value` (for a per-CPU map: one slot of a multiple of 8 bytes for each possible CPU); false where there is no such key. Throws KernelCallError. */
  lookup(map: number, key: Buffer, value: Buffer): boolean;
  /** Inserts or replaces. Throws KernelCallError. */
  update(map: number, key: Buffer, value: Buffer): void;
  /** Adds; false where the key is there already or the map is full. Throws KernelCallError. */
  insert(map: number, key: Buffer, value: Buffer): boolean;
  /**
   * Inserts or replaces the first `count` of the keys; returns how many of them, fewer only when the map is
   * full. Throws KernelCallError. Needs Linux 5.6, as ring buffers need 5.8.
   */
  updateBatch(map: number, keys: Buffer, values: Buffer, count: number): number;
  /** False where there is no such key. Throws KernelCallError. */
  remove(map: number, key: Buffer): boolean;
  /**
   * Everything in a hash map. Entries that come or go meanwhile may be in the result or not; none that
   * stays is left out. Throws KernelCallError.
   */
  entries(map: number, keyBytes: number, valueBytes: number): MapEntry[];
}

const ENOENT = 2;
const E2BIG = 7;
const EEXIST = 17;
const ENOSPC = 28;
const ENOTSUPP = 524;
const EINVAL = 22;
/** Of enum in bpf.h: create only. */
const BPF_NOEXIST = 1;
/** A bucket of a hash map must fit into one batch. */
const BATCH_ENTRIES = 4_096;
const BATCH_ENTRIES_MAX = 1 << 20;

export function createMapAccess(calls: LibbpfCalls): MapAccess {
  const access: MapAccess = {
    lookup: (map, key, value) => isThere('bpf_map_lookup_elem', calls.lookup(map, key, value)),
    update(map, key, value) {
      const result = calls.update(map, key, value, 0);
      if (result < 0) {
        throw new KernelCallError('bpf_map_update_elem', result);
      }
    },
    insert(map, key, value) {
      const result = calls.update(map, key, value, BPF_NOEXIST);
      if (result < 0 && result !== -EEXIST && result !== -E2BIG) {
        throw new KernelCallError('bpf_map_update_elem', result);
      }
      return result >= 0;
    },
    updateBatch(map, keys, values, count) {
      const done = Buffer.alloc(4);
      done.writeUInt32LE(count);
      const result = calls.updateBatch(map, keys, values, done, null);
      if (result < 0 && result !== -E2BIG) {
        throw new KernelCallError('bpf_map_update_batch', result);
      }
      return done.readUInt32LE();
    },
    remove: (map, key) => isThere('bpf_map_delete_elem', calls.remove(map, key)),
    entries(map, keyBytes, valueBytes) {
      return (
        readInBatches(calls, map, keyBytes, valueBytes) ??
        readOneByOne(access, calls, map, keyBytes, valueBytes)
      );
    },
  };
  return access;
}

function isThere(call: string, result: number): boolean {
  if (result < 0 && result !== -ENOENT) {
    throw new KernelCallError(call, result);
  }
  return result >= 0;
}

/** Null where this kernel has no batches for this map (before 5.6). */
function readInBatches(
  calls: LibbpfCalls,
  map: number,
  keyBytes: number,
  valueBytes: number,
): MapEntry[] | null {
  const found: MapEntry[] = [];
  const position = Buffer.alloc(Math.max(keyBytes, 8));
  const count = Buffer.alloc(4);
  let isFirst = true;
  for (let size = BATCH_ENTRIES; ;) {
    const keys = Buffer.allocUnsafe(size * keyBytes);
    const values = Buffer.allocUnsafe(size * valueBytes);
    count.writeUInt32LE(size);
    const from = isFirst ? null : position;
    const result = calls.lookupBatch(map, from, position, keys, values, count, null);
    if (result === -ENOSPC && size < BATCH_ENTRIES_MAX) {
      size *= 2;
      continue;
    }
    if (isFirst && (result === -EINVAL || result === -ENOTSUPP)) {
      return null;
    }
    const isLast = !isThere('bpf_map_lookup_batch', result);
    for (let index = 0; index < count.readUInt32LE(); index += 1) {
      found.push({
        key: keys.subarray(index * keyBytes, (index + 1) * keyBytes),
        value: values.subarray(index * valueBytes, (index + 1) * valueBytes),
      });
    }
    if (isLast) {
      return found;
    }
    isFirst = false;
  }
}

function readOneByOne(
  access: MapAccess,
  calls: LibbpfCalls,
  map: number,
  keyBytes: number,
  valueBytes: number,
): MapEntry[] {
  const keys: Buffer[] = [];
  let next = Buffer.alloc(keyBytes);
  for (
    let last: Buffer | null = null;
    isThere('bpf_map_get_next_key', calls.nextKey(map, last, next));
    next = Buffer.alloc(keyBytes)
  ) {
    keys.push(next);
    last = next;
  }
  return keys.flatMap((key) => {
    const value = Buffer.alloc(valueBytes);
    return access.lookup(map, key, value) ? [{ key, value }] : [];
  });
}
