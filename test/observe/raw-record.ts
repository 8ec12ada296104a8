/** Builds records as the kernel programs write them, byte by byte, and chunks of them as a ring holds them. */
import { NAMESPACE_TYPES, type NamespaceType } from '../../src/domain/namespace-type.ts';
import {
  BIRTH,
  HEADER,
  LEFT,
  MEMBER,
  MOUNTED,
  PATH,
  REF,
  REPEAT,
  REPEATED,
  TASK,
  UNMOUNTED,
  UNSHARED,
} from '../../src/observe/kernel-layout.ts';
import { RING_HEADER_BYTES, type RingChunk } from '../../src/observe/kernel-ring.ts';

export interface RawHeader {
  readonly kind: number;
  readonly bootNs: bigint;
  readonly seq?: number;
  readonly count?: number;
  readonly cpu?: number;
  readonly flags?: number;
}

export interface RawTask {
  readonly pid: number;
  readonly tid?: number;
  readonly exe?: number;
  readonly cgroupId?: number;
  readonly comm: string;
}

function startRecord(length: number, header: RawHeader): Buffer {
  const record = Buffer.alloc(length);
  record.writeBigUInt64LE(header.bootNs, HEADER.bootNs);
  record.writeBigUInt64LE(BigInt(header.seq ?? 1), HEADER.seq);
  record.writeUInt8(header.kind, HEADER.kind);
  record.writeUInt8(header.count ?? 1, HEADER.count);
  record.writeUInt16LE(header.cpu ?? 0, HEADER.cpu);
  record.writeUInt32LE(header.flags ?? 0, HEADER.flags);
  return record;
}

function writeTask(
  record: Buffer,
  at: number,
  { pid, tid = pid, exe = 0, cgroupId = 0, comm }: RawTask,
): void {
  record.writeUInt32LE(pid, at + TASK.tgid);
  record.writeUInt32LE(tid, at + TASK.tid);
  record.writeBigUInt64LE(1_000n, at + TASK.startTicks);
  record.writeBigUInt64LE(BigInt(1_000 + tid - pid), at + TASK.threadStartTicks);
  record.writeUInt32LE(1_001, at + TASK.uid);
  record.writeUInt32LE(1_002, at + TASK.gid);
  record.writeUInt32LE(7, at + TASK.ppid);
  record.writeUInt32LE(0xffffffff, at + TASK.loginuid);
  record.writeUInt32LE(3, at + TASK.session);
  record.writeUInt32LE(exe, at + TASK.exe);
  record.writeBigUInt64LE(BigInt(cgroupId), at + TASK.cgroupId);
  record.write(comm, at + TASK.comm, 'utf8');
  record.write('leader', at + TASK.leaderComm, 'utf8');
}

function writeRef(record: Buffer, at: number, type: NamespaceType, inum: number, id: bigint): void {
  record.writeBigUInt64LE(id, at + REF.id);
  record.writeUInt32LE(inum, at + REF.inum);
  record.writeUInt32LE(NAMESPACE_TYPES.indexOf(type), at + REF.type);
}

export function rawBirth(
  header: Omit<RawHeader, 'kind'>,
  creator: RawTask,
  namespace: { readonly type: NamespaceType; readonly inum: number; readonly id: bigint },
  how: number,
  origin = 0,
): Buffer {
  const record = startRecord(BIRTH.bytes, { ...header, kind: 1 });
  writeTask(record, BIRTH.creator, creator);
  writeRef(record, BIRTH.namespace, namespace.type, namespace.inum, namespace.id);
  writeRef(record, BIRTH.owner, 'user', 4_026_531_837, 7n);
  record.writeUInt32LE(how, BIRTH.how);
  record.writeUInt32LE(origin, BIRTH.origin);
  return record;
}

/** Slot n has inum `inums[n]` and id n + 1. */
export function rawMember(
  header: RawHeader,
  task: RawTask,
  inums: readonly number[],
  how: number,
  differs: number,
): Buffer {
  const record = startRecord(MEMBER.bytes, header);
  writeTask(record, MEMBER.task, task);
  for (const [slot, inum] of inums.entries()) {
    record.writeUInt32LE(inum, MEMBER.inums + 4 * slot);
    record.writeBigUInt64LE(BigInt(slot + 1), MEMBER.ids + 8 * slot);
  }
  record.writeUInt32LE(how, MEMBER.how);
  record.writeUInt32LE(differs, MEMBER.differs);
  return record;
}

/** As rawMember by unshare, with the parent of a new user namespace. `born`: CLONE_NEW flags, three of them. */
export function rawUnshared(
  header: Omit<RawHeader, 'kind'>,
  task: RawTask,
  inums: readonly number[],
  born: number,
): Buffer {
  const record = Buffer.alloc(UNSHARED.bytes);
  record.set(rawMember({ count: 3, ...header, kind: 9 }, task, inums, 1, 0x3ff));
  writeRef(record, UNSHARED.parent, 'user', 4_026_531_837, 7n);
  record.writeUInt32LE(born, UNSHARED.born);
  return record;
}

export interface RawRepeat {
  readonly laterNs: bigint;
  readonly moreId: number;
  readonly moreSeq: number;
  readonly inum: number;
}

/** `header`: instant and number of what is repeated. */
export function rawRepeated(
  header: Omit<RawHeader, 'kind' | 'count'>,
  repeats: readonly RawRepeat[],
): Buffer {
  const length = REPEATED.repeats + repeats.length * REPEAT.bytes;
  const record = startRecord(length, { ...header, kind: 13, count: repeats.length });
  for (const [index, { laterNs, moreId, moreSeq, inum }] of repeats.entries()) {
    const at = REPEATED.repeats + index * REPEAT.bytes;
    record.writeUInt32LE(Number(laterNs), at + REPEAT.laterNs);
    record.writeUInt32LE(moreId, at + REPEAT.moreId);
    record.writeUInt32LE(moreSeq, at + REPEAT.moreSeq);
    record.writeUInt32LE(inum, at + REPEAT.inum);
  }
  return record;
}

export function rawLeft(header: Omit<RawHeader, 'kind'>, pid: number, comm: string): Buffer {
  const record = startRecord(LEFT.bytes, { ...header, kind: 4 });
  record.writeUInt32LE(pid, LEFT.tgid);
  record.writeUInt32LE(pid, LEFT.tid);
  record.writeBigUInt64LE(1_000n, LEFT.startTicks);
  record.writeBigUInt64LE(1_000n, LEFT.threadStartTicks);
  record.write(comm, LEFT.comm, 'utf8');
  return record;
}

/** `names` from the last one up to the root. */
export function rawPath(header: RawHeader, number: number, names: readonly string[]): Buffer {
  const record = startRecord(PATH.bytes, header);
  record.writeBigUInt64LE(BigInt(number), PATH.number);
  const text = names.map((name) => `${name}\0`).join('');
  record.writeUInt32LE(Buffer.byteLength(text), PATH.length);
  record.write(text, PATH.names, 'utf8');
  return record;
}

/** `names` from the last one up to the root. */
export function rawMounted(
  header: Omit<RawHeader, 'kind'>,
  mountId: number,
  names: readonly string[],
): Buffer {
  const record = startRecord(MOUNTED.bytes, { ...header, kind: 10 });
  writeRef(record, MOUNTED.namespace, 'net', 4_026_532_268, 9n);
  writeRef(record, MOUNTED.mountNamespace, 'mnt', 4_026_532_269, 10n);
  record.writeUInt32LE(mountId, MOUNTED.mountId);
  const text = names.map((name) => `${name}\0`).join('');
  record.writeUInt32LE(Buffer.byteLength(text), MOUNTED.length);
  record.write(text, MOUNTED.names, 'utf8');
  return record;
}

export function rawUnmounted(header: Omit<RawHeader, 'kind'>, mountId: number): Buffer {
  const record = startRecord(UNMOUNTED.bytes, { ...header, kind: 11 });
  writeRef(record, UNMOUNTED.namespace, 'net', 4_026_532_268, 9n);
  record.writeUInt32LE(mountId, UNMOUNTED.mountId);
  return record;
}

export function toRaw(record: Buffer): { words: Uint32Array; bytes: Buffer } {
  const { buffer } = new Uint8Array(record);
  return { words: new Uint32Array(buffer), bytes: Buffer.from(buffer) };
}

export function toChunk(records: readonly Buffer[]): RingChunk {
  const parts = records.flatMap((record) => {
    const header = Buffer.alloc(RING_HEADER_BYTES);
    header.writeUInt32LE(record.length);
    return [header, record, Buffer.alloc((8 - (record.length % 8)) % 8)];
  });
  return { ...toRaw(Buffer.concat(parts)), recordCount: records.length };
}
