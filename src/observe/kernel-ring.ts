/**
 * One BPF ring buffer, mapped into this process and emptied by copying.
 *
 * Nobody wakes us: the owner drains it often enough. What is copied out is decoded later, so that a
 * storm costs little while it lasts.
 *
 * Source: kernel/bpf/ringbuf.c (bpf_ringbuf_mmap, __bpf_ringbuf_reserve); libbpf ringbuf.c.
 */
import type { Libc } from './libc.ts';

/** Consecutive ring records, each with its 8-byte ring header. */
export interface RingChunk {
  readonly words: Uint32Array;
  readonly bytes: Buffer;
  readonly recordCount: number;
}

export interface Drained {
  /** Null when there was nothing. */
  readonly chunk: RingChunk | null;
  /** False when a record was still being written: there is more behind it. */
  readonly isWhole: boolean;
}

export interface KernelRing {
  readonly sizeBytes: number;
  /** Copies what there is. `beforeRelease` gets the copy while the ring still has it, for what must survive a kill. */
  drain(beforeRelease?: (chunk: RingChunk) => void): Drained;
  close(): void;
}

export const RING_HEADER_BYTES = 8;
const ALIGNMENT = 8;
const DISCARDED = 0x4000_0000;
const LENGTH_MASK = 0x3fff_ffff;

/** Maps the ring. The descriptor may be closed afterwards. Throws KernelCallError. */
export function openKernelRing(libc: Libc, fd: number, sizeBytes: number): KernelRing {
  const page = libc.pageBytes;
  const consumerPage = libc.map(fd, 0, page, 'write');
  // The kernel would map the data twice in a row; once is half the resident memory.
  const producerPages = libc.map(fd, page, page + sizeBytes, 'read');
  const shared = producerPages.bytes;
  const consumer = new BigUint64Array(consumerPage.bytes.buffer, consumerPage.bytes.byteOffset, 1);
  const producer = new BigUint64Array(shared.buffer, shared.byteOffset, 1);
  const data = shared.subarray(page, page + sizeBytes);
  const headers = new Int32Array(data.buffer, data.byteOffset, sizeBytes / 4);

  return {
    sizeBytes,
    drain(beforeRelease) {
      const start = Number(Atomics.load(consumer, 0));
      const available = Number(Atomics.load(producer, 0)) - start;
      const from = start % sizeBytes;
      let length = 0;
      let recordCount = 0;
      while (length < available) {
        // A header lies on a multiple of 8 and never wraps around; what follows it may.
        const header = Atomics.load(headers, ((from + length) % sizeBytes) >> 2);
        if (header < 0) {
          break;
        }
        recordCount += (header & DISCARDED) === 0 ? 1 : 0;
        length += ringSpan(header & LENGTH_MASK);
      }
      if (length === 0) {
        return { chunk: null, isWhole: available === 0 };
      }
      const copy = copyFrom(data, from, length);
      const chunk = { words: new Uint32Array(copy), bytes: Buffer.from(copy), recordCount };
      beforeRelease?.(chunk);
      Atomics.store(consumer, 0, BigInt(start + length));
      return { chunk, isWhole: length === available };
    },
    close() {
      consumerPage.unmap();
      producerPages.unmap();
    },
  };
}

/** `length` bytes of the ring from `from` on, around its end if need be. */
function copyFrom(data: Uint8Array, from: number, length: number): ArrayBuffer {
  const copy = new Uint8Array(length);
  const beforeEnd = Math.min(length, data.length - from);
  copy.set(data.subarray(from, from + beforeEnd));
  copy.set(data.subarray(0, length - beforeEnd), beforeEnd);
  return copy.buffer;
}

/** Calls `visit` with the byte offset of each record, behind its ring header; from `at` on, `limit` records at most. Answers where to go on. */
export function walkChunk(
  chunk: RingChunk,
  at: number,
  limit: number,
  visit: (offset: number) => void,
): number {
  let offset = at;
  for (let count = 0; count < limit && offset < chunk.bytes.length;) {
    const header = chunk.words[offset >> 2] ?? 0;
    if ((header & DISCARDED) === 0) {
      visit(offset + RING_HEADER_BYTES);
      count += 1;
    }
    offset += ringSpan(header & LENGTH_MASK);
  }
  return offset;
}

/** A chunk of these records, as a ring would give it. */
export function joinRecords(records: readonly Buffer[]): RingChunk {
  const spans = records.map(({ length }) => ringSpan(length));
  const copy = new ArrayBuffer(spans.reduce((sum, span) => sum + span, 0));
  const bytes = Buffer.from(copy);
  let at = 0;
  for (const [index, record] of records.entries()) {
    bytes.writeUInt32LE(record.length, at);
    bytes.set(record, at + RING_HEADER_BYTES);
    at += spans[index] ?? 0;
  }
  return { words: new Uint32Array(copy), bytes, recordCount: records.length };
}

function ringSpan(length: number): number {
  return Math.ceil((length + RING_HEADER_BYTES) / ALIGNMENT) * ALIGNMENT;
}
