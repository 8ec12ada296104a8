/**
 * Records of tasks that made namespaces for themselves: which are new, and what the map of live namespaces
 * would hold of each. Layouts: kernel-layout.ts.
 */
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import {
  BIRTH,
  CLONE_FLAGS,
  HEADER,
  MEMBER,
  readWord,
  RECORD_KIND,
  REF,
  SLOT,
  TASK,
  UNSHARED,
} from './kernel-layout.ts';
import type { RawRecords } from './kernel-memory.ts';

export const USER_SLOT = NAMESPACE_TYPES.indexOf('user');
export const PID_SLOT = NAMESPACE_TYPES.indexOf('pid');
const TIME_SLOT = NAMESPACE_TYPES.indexOf('time');
const KEY_BYTES = 8;

// One of each for all records: they come by the ten thousand.
const key = Buffer.alloc(KEY_BYTES);
const value = Buffer.alloc(BIRTH.bytes);

/** Owners first. */
const BORN_ORDER: readonly NamespaceType[] = [
  'user',
  'mnt',
  'uts',
  'ipc',
  'pid',
  'cgroup',
  'net',
  'time',
];

/** The task itself stays in its pid and time namespace; its children will be in the new one. */
function bornSlotOf(type: NamespaceType): number {
  const slot = NAMESPACE_TYPES.indexOf(type);
  return slot === PID_SLOT ? SLOT.pidForChildren : slot === TIME_SLOT ? SLOT.timeForChildren : slot;
}

const BORN_SLOTS = BORN_ORDER.map((type) => ({
  flag: CLONE_FLAGS[type],
  type: NAMESPACE_TYPES.indexOf(type),
  slot: bornSlotOf(type),
}));

/** Slots of the namespaces that are new, owners first. */
export function listBornSlots({ words }: RawRecords, at: number): number[] {
  const born = readWord(words, at + UNSHARED.born);
  return BORN_SLOTS.flatMap(({ flag, slot }) => ((born & flag) === 0 ? [] : [slot]));
}

/** Calls `visit` with key and value for the map of live namespaces, for each birth the record tells. Both are used again for the next. */
export function eachLiveEntry(
  { words, bytes }: RawRecords,
  at: number,
  visit: (key: Buffer, value: Buffer) => void,
): void {
  const born = readWord(words, at + UNSHARED.born);
  for (const { flag, type, slot } of BORN_SLOTS) {
    const inum = readWord(words, at + MEMBER.inums + 4 * slot);
    if ((born & flag) === 0 || inum === 0) {
      continue;
    }
    value.set(bytes.subarray(at, at + HEADER.bytes), 0);
    value.writeUInt8(RECORD_KIND.birth, HEADER.kind);
    value.set(bytes.subarray(at + MEMBER.task, at + MEMBER.task + TASK.bytes), BIRTH.creator);
    writeRef(bytes, at, slot, type, BIRTH.namespace);
    if (slot === USER_SLOT) {
      const parent = at + UNSHARED.parent;
      value.set(bytes.subarray(parent, parent + REF.bytes), BIRTH.owner);
    } else {
      writeRef(bytes, at, USER_SLOT, USER_SLOT, BIRTH.owner);
    }
    value.writeUInt32LE(readWord(words, at + MEMBER.how), BIRTH.how);
    value.writeUInt32LE(originOf({ words, bytes }, at, slot), BIRTH.origin);
    // As key_of() in emit.h: the id, or the inum where the kernel has no ids.
    key.set(value.subarray(BIRTH.namespace + REF.id, BIRTH.namespace + REF.id + KEY_BYTES));
    if (key.readBigUInt64LE() === 0n) {
      key.writeUInt32LE(inum);
    }
    visit(key, value);
  }
}

/** As birth_record says. A new pid namespace is a child of the one the task is in (copy_pid_ns). */
function originOf({ words }: RawRecords, at: number, slot: number): number {
  if (slot === USER_SLOT) {
    return readWord(words, at + UNSHARED.ownerUid);
  }
  return slot === SLOT.pidForChildren ? readWord(words, at + MEMBER.inums + 4 * PID_SLOT) : 0;
}

function writeRef(bytes: Buffer, at: number, slot: number, type: number, to: number): void {
  const id = at + MEMBER.ids + 8 * slot;
  const inum = at + MEMBER.inums + 4 * slot;
  value.set(bytes.subarray(id, id + 8), to + REF.id);
  value.set(bytes.subarray(inum, inum + 4), to + REF.inum);
  value.writeUInt32LE(type, to + REF.type);
}
