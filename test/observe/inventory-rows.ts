/** Rows as the iterators write them, made by hand after the structs in bpf/inventory.h. */
import type { NamespaceType } from '../../src/domain/namespace-type.ts';
import { CLONE_FLAGS } from '../../src/observe/clone-flags.ts';
import type { Rows } from '../../src/observe/kernel-inventory-rows.ts';

const LINKS = [
  'cgroup',
  'ipc',
  'mnt',
  'net',
  'pid',
  'time',
  'user',
  'uts',
  'pid_for_children',
  'time_for_children',
];

export interface TaskInput {
  readonly pid: number;
  readonly tid?: number;
  readonly ticks?: bigint;
  readonly comm?: string;
  readonly flags?: number;
  readonly threadCount?: number;
  readonly loginuid?: number;
  /** inum and id by the name of the link. */
  readonly namespaces?: Readonly<Record<string, readonly [inum: number, id: bigint]>>;
}

/** `struct inventory_task`. */
export function taskRows(tasks: readonly TaskInput[]): Rows {
  const bytes = Buffer.alloc(tasks.length * 184);
  for (const [index, task] of tasks.entries()) {
    const at = index * 184;
    bytes.writeBigUInt64LE(task.ticks ?? 1n, at);
    for (const [slot, name] of LINKS.entries()) {
      const [inum, id] = task.namespaces?.[name] ?? [0, 0n];
      bytes.writeBigUInt64LE(id, at + 8 + slot * 8);
      bytes.writeUInt32LE(inum, at + 88 + slot * 4);
    }
    const { pid, tid = pid, loginuid = 0xffff_ffff, flags = 2, threadCount = 1 } = task;
    for (const [place, value] of [
      pid,
      tid,
      1,
      1e3,
      1001,
      loginuid,
      0xffffffff,
      flags,
      threadCount,
    ].entries()) {
      bytes.writeUInt32LE(value, at + 128 + place * 4);
    }
    bytes.write(task.comm ?? 'sleep', at + 164, 16, 'utf8');
  }
  return toRows(bytes, tasks.length);
}

export interface FileInput {
  readonly pid: number;
  readonly tid?: number;
  readonly ticks?: bigint;
  readonly table?: bigint;
  readonly fd?: number;
  readonly kind?: number;
  readonly type?: NamespaceType;
  readonly inum: number;
  readonly id?: bigint;
  readonly socket?: bigint;
  readonly references?: number;
  readonly flags?: number;
  /** Of a tun descriptor: the inum of the network namespace that its device is in, and its name. */
  readonly device?: readonly [inum: number, name: string];
}

/** `struct inventory_file`. */
export function fileRows(files: readonly FileInput[]): Rows {
  const bytes = Buffer.alloc(files.length * 96);
  for (const [index, file] of files.entries()) {
    const at = index * 96;
    for (const [place, value] of [
      file.id ?? 0n,
      file.ticks ?? 1n,
      file.table ?? 0xffff_8881_0000_0000n,
      77n,
      file.socket ?? 0n,
    ].entries()) {
      bytes.writeBigUInt64LE(value, at + place * 8);
    }
    const { pid, tid = pid, fd = 3, kind = 1, type = 'net', inum } = file;
    const { references = 0, flags = 0, device = [0, ''] } = file;
    for (const [place, value] of [
      pid,
      tid,
      fd,
      kind,
      CLONE_FLAGS[type],
      inum,
      references,
      flags,
      device[0],
    ].entries()) {
      bytes.writeUInt32LE(value, at + 40 + place * 4);
    }
    bytes.write(device[1], at + 76, 16, 'utf8');
  }
  return toRows(bytes, files.length);
}

export interface ProxyInput {
  readonly proxy: bigint;
  /** inum, references and whether it has an inode, by the name of the link. */
  readonly namespaces: Readonly<
    Record<string, readonly [inum: number, references: number, hasInode: boolean]>
  >;
}

/** `struct inventory_proxy`. */
export function proxyRows(proxies: readonly ProxyInput[]): Rows {
  const bytes = Buffer.alloc(proxies.length * 96);
  for (const [index, { proxy, namespaces }] of proxies.entries()) {
    const at = index * 96;
    let inodes = 0;
    bytes.writeBigUInt64LE(proxy, at);
    for (const [slot, name] of LINKS.entries()) {
      const [inum, references, hasInode] = namespaces[name] ?? [0, 0, false];
      bytes.writeUInt32LE(inum, at + 8 + slot * 4);
      bytes.writeUInt32LE(references, at + 48 + slot * 4);
      inodes |= hasInode ? 1 << slot : 0;
    }
    bytes.writeUInt32LE(inodes, at + 88);
  }
  return toRows(bytes, proxies.length);
}

function toRows(bytes: Buffer, count: number): Rows {
  return {
    bytes,
    words: new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
    signedWords: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
    count,
  };
}
