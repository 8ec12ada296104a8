/** The shared memory of the event programs, laid out here as bpf/records.h says, read as the reader of the rings does. */
import { expect, test } from 'vitest';
import { assert } from '../../src/domain/errors.ts';
import { openCpuStates, type CpuStates } from '../../src/observe/kernel-cpus.ts';
import {
  COUNTERS,
  CPU_STATE,
  HEADER,
  RECORD_KIND,
  TOLD_LAST,
} from '../../src/observe/kernel-layout.ts';
import { walkChunk } from '../../src/observe/kernel-ring.ts';
import type { Libc } from '../../src/observe/libc.ts';
import { rawRepeated } from './raw-record.ts';

const CPUS = 3;

function open(): { memory: Buffer; states: CpuStates } {
  const memory = Buffer.from(new ArrayBuffer(CPUS * CPU_STATE.bytes));
  const mapping = { bytes: memory, unmap: () => undefined };
  return { memory, states: openCpuStates({ map: () => mapping } as unknown as Libc, -1, CPUS) };
}

function putWaiting(memory: Buffer, cpu: number, base: number, seqs: readonly number[]): void {
  const repeats = seqs.map((seq) => ({
    laterNs: 5n,
    moreId: 1,
    moreSeq: seq - base,
    inum: seq,
  }));
  const at = cpu * CPU_STATE.bytes;
  memory.set(rawRepeated({ bootNs: 7n, seq: base, cpu }, repeats), at + CPU_STATE.repeated);
  memory.writeUInt8(0, at + CPU_STATE.repeated + HEADER.count);
  memory.writeUInt32LE(seqs.length, at + CPU_STATE.waiting);
}

test('numbers are those of the CPU and the stream', () => {
  const { memory, states } = open();
  const at = 2 * CPU_STATE.bytes + CPU_STATE.counters + COUNTERS.bytes;
  memory.writeBigUInt64LE(41n, at + COUNTERS.seq);
  memory.writeBigUInt64LE(9n, at + COUNTERS.dropped);
  expect(states.readSeqs('holders')).toEqual([0, 0, 41]);
  expect(states.readSeqs('life')).toEqual([0, 0, 0]);
  expect([states.readDroppedCount('holders'), states.readDroppedCount('life')]).toEqual([9, 0]);
});

test('what waits is copied as the ring would have it, with as many as were there', () => {
  const { memory, states } = open();
  expect(states.copyWaiting()).toBeNull();
  putWaiting(memory, 0, 10, [11, 12]);
  putWaiting(memory, 2, 20, [21]);
  const chunk = states.copyWaiting();
  assert(chunk !== null, 'something waits');
  const { bytes } = chunk;
  const found: unknown[] = [];
  walkChunk(chunk, 0, Number.POSITIVE_INFINITY, (at) => {
    found.push([
      bytes.readUInt8(at + HEADER.kind),
      bytes.readUInt16LE(at + HEADER.cpu),
      bytes.readUInt8(at + HEADER.count),
      Number(bytes.readBigUInt64LE(at + HEADER.seq)),
    ]);
  });
  expect(found).toEqual([
    [RECORD_KIND.repeated, 0, 2, 10],
    [RECORD_KIND.repeated, 2, 1, 20],
  ]);
});

test('what was taken is noted for whoever comes next', () => {
  const { states } = open();
  states.noteTaken([3, 0, 0xffff_ffff_ff]);
  expect(states.readTaken()).toEqual([3, 0, 0xffff_ffff_ff]);
});

test('after a takeover nothing is repeated and every path is looked up, and what waits is left', () => {
  const { memory, states } = open();
  const at = CPU_STATE.bytes;
  memory.fill(0xff, at + CPU_STATE.told, at + CPU_STATE.told + TOLD_LAST.bytes);
  memory.writeBigUInt64LE(10n, at + CPU_STATE.base + HEADER.seq);
  putWaiting(memory, 1, 10, [11]);
  states.forgetTold();
  const told = memory.subarray(at + CPU_STATE.told, at + CPU_STATE.told + TOLD_LAST.bytes);
  expect(told.every((byte) => byte === 0)).toBe(true);
  expect(memory.readBigUInt64LE(at + CPU_STATE.base + HEADER.seq)).toBe(0n);
  expect(states.copyWaiting()?.recordCount).toBe(1);
});
