/**
 * Turns raw records into kernel records. Most namespaces, ids and names in a row of records repeat, so
 * each is made once and handed out again: that is what makes decoding keep up with a storm.
 */
import { findContainerId } from '../domain/container.ts';
import type {
  BirthRecord,
  EndRecord,
  KernelNamespace,
  KernelTask,
  LeftRecord,
  MountedRecord,
  TaskRecord,
  UnmountedRecord,
} from '../domain/kernel-record.ts';
import type { CreationCall } from '../domain/lifespan.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import type { ProcessFacts } from '../domain/process-facts.ts';
import type { FactTexts } from './kernel-facts.ts';
import {
  BIRTH,
  END,
  FLAG,
  HEADER,
  HOW_NAMES,
  LEFT,
  MEMBER,
  MOUNTED,
  PATH,
  readCount,
  readWord,
  RECORD_KIND,
  REF,
  SLOT,
  TASK,
  UNMOUNTED,
  UNSHARED,
} from './kernel-layout.ts';
import {
  createCommMemory,
  createNamespaceMemory,
  type MakeNamespace,
  type RawRecords,
  type ReadComm,
} from './kernel-memory.ts';
import { readPath } from './kernel-names.ts';
import { listBornSlots, PID_SLOT, USER_SLOT } from './kernel-unshared.ts';

export interface RecordHeader {
  readonly kind: number;
  /** Of what the record tells, `seq` is the number of the last; 0 for a record without number. */
  readonly count: number;
  readonly cpu: number;
  readonly seq: number;
  /** On the boot clock. */
  readonly bootNs: number;
}

export type DecodedRecord =
  | BirthRecord
  | TaskRecord
  | LeftRecord
  | EndRecord
  | MountedRecord
  | UnmountedRecord;

export interface KernelDecoder {
  /** Learns from a record that only explains others (a path); false for every other kind. */
  learn(raw: RawRecords, at: number): boolean;
  /** What the record tells, in order; nothing for a kind that this version does not know. */
  decode(raw: RawRecords, at: number): readonly DecodedRecord[];
  /** A birth that was found in the map of live namespaces; null where it was not noted as one. */
  decodeRecovered(raw: RawRecords, at: number): BirthRecord | null;
}

const NS_PER_US = 1_000;
const UNSET = 0xffffffff;
const BYTE_MASK = 0xff;
const COUNT_SHIFT = 8;
const CPU_SHIFT = 16;
const CREATION_NAMES: readonly (string | null)[] = ['unshare', 'clone', 'clone3'];

export function readHeader({ words }: RawRecords, at: number): RecordHeader {
  const kindCountCpu = readWord(words, at + HEADER.kind);
  return {
    kind: kindCountCpu & BYTE_MASK,
    count: (kindCountCpu >>> COUNT_SHIFT) & BYTE_MASK,
    cpu: kindCountCpu >>> CPU_SHIFT,
    seq: readCount(words, at + HEADER.seq),
    bootNs: readCount(words, at + HEADER.bootNs),
  };
}

interface Context {
  readonly anchorUs: number;
  readonly texts: FactTexts;
  readonly makeNamespace: MakeNamespace;
  readonly readComm: ReadComm;
}

/** @param anchorUs of the boot: where the boot clock's zero is on the host timeline */
export function createKernelDecoder(anchorUs: number, texts: FactTexts): KernelDecoder {
  const context: Context = {
    anchorUs,
    texts,
    makeNamespace: createNamespaceMemory(),
    readComm: createCommMemory(),
  };
  return {
    learn(raw, at) {
      const { kind } = readHeader(raw, at);
      if (kind !== RECORD_KIND.exe && kind !== RECORD_KIND.cgroup) {
        return false;
      }
      const number = readCount(raw.words, at + PATH.number);
      if (kind === RECORD_KIND.exe) {
        texts.learnExe(number, readPath(raw, at, PATH));
      } else {
        texts.learnCgroup(number, readPath(raw, at, PATH));
      }
      return true;
    },
    decode(raw, at) {
      switch (readHeader(raw, at).kind) {
        case RECORD_KIND.birth:
          return listOf(decodeBirth(context, raw, at, false));
        case RECORD_KIND.joined:
          return [decodeMember(context, raw, at, 'joined')];
        case RECORD_KIND.moved:
          return [decodeMember(context, raw, at, 'moved')];
        case RECORD_KIND.unshared:
          return decodeUnshared(context, raw, at);
        case RECORD_KIND.left:
          return [decodeLeft(context, raw, at)];
        case RECORD_KIND.unreferenced:
          return listOf(decodeEnd(context, raw, at, 'unreferenced'));
        case RECORD_KIND.destroyed:
          return listOf(decodeEnd(context, raw, at, 'destroyed'));
        case RECORD_KIND.closed:
          return listOf(decodeEnd(context, raw, at, 'closed'));
        case RECORD_KIND.mounted:
          return listOf(decodeMounted(context, raw, at));
        case RECORD_KIND.unmounted:
          return listOf(decodeUnmounted(context, raw, at));
        default:
          return [];
      }
    },
    decodeRecovered: (raw, at) =>
      readHeader(raw, at).kind === RECORD_KIND.birth ? decodeBirth(context, raw, at, true) : null,
  };
}

function readInstant({ anchorUs }: Context, { words }: RawRecords, at: number): number {
  return anchorUs + Math.floor(readCount(words, at + HEADER.bootNs) / NS_PER_US);
}

function readRef(context: Context, { words }: RawRecords, at: number): KernelNamespace | null {
  const inum = readWord(words, at + REF.inum);
  const type = NAMESPACE_TYPES[readWord(words, at + REF.type)];
  if (inum === 0 || type === undefined) {
    return null;
  }
  return context.makeNamespace(
    type,
    inum,
    readWord(words, at + REF.id),
    readWord(words, at + REF.id + 4),
  );
}

function readTask(context: Context, raw: RawRecords, at: number): KernelTask {
  return {
    pid: readWord(raw.words, at + TASK.tgid),
    tid: readWord(raw.words, at + TASK.tid),
    startTimeTicks: readCount(raw.words, at + TASK.startTicks),
    threadStartTimeTicks: readCount(raw.words, at + TASK.threadStartTicks),
    comm: context.readComm(raw, at + TASK.comm),
  };
}

function readFacts(context: Context, raw: RawRecords, at: number, task: KernelTask): ProcessFacts {
  const { words } = raw;
  const { pid, startTimeTicks } = task;
  const cgroup = context.texts.cgroup(readCount(words, at + TASK.cgroupId), pid, startTimeTicks);
  return {
    ppid: readWord(words, at + TASK.ppid),
    comm: context.readComm(raw, at + TASK.leaderComm),
    exe: context.texts.exe(readWord(words, at + TASK.exe), pid, startTimeTicks),
    uid: readWord(words, at + TASK.uid),
    gid: readWord(words, at + TASK.gid),
    loginuid: orNull(readWord(words, at + TASK.loginuid)),
    session: orNull(readWord(words, at + TASK.session)),
    cgroup,
    containerId: cgroup === null ? null : findContainerId(cgroup),
  };
}

function decodeBirth(
  context: Context,
  raw: RawRecords,
  at: number,
  isRecovered: boolean,
): BirthRecord | null {
  const namespace = readRef(context, raw, at + BIRTH.namespace);
  if (namespace === null) {
    return null;
  }
  const isCreatorKnown = readWord(raw.words, at + BIRTH.creator + TASK.tgid) !== 0;
  const creator = isCreatorKnown ? readTask(context, raw, at + BIRTH.creator) : null;
  const owner = readRef(context, raw, at + BIRTH.owner);
  const origin = readWord(raw.words, at + BIRTH.origin);
  const isUser = namespace.type === 'user';
  return {
    kind: 'birth',
    atUs: readInstant(context, raw, at),
    namespace,
    creator,
    facts: creator && readFacts(context, raw, at + BIRTH.creator, creator),
    how: asCreationCall(HOW_NAMES[readWord(raw.words, at + BIRTH.how)] ?? null),
    owner,
    parent: isUser ? owner : readParent(namespace, origin),
    ownerUid: isUser ? origin : null,
    isRecovered,
  };
}

/** Only pid namespaces have one besides the owner. */
function readParent({ type }: KernelNamespace, inum: number): KernelNamespace | null {
  return type === 'pid' && inum !== 0 ? { type, inum, kernelNamespaceId: null } : null;
}

function readSlot(
  context: Context,
  { words }: RawRecords,
  at: number,
  slot: number,
): KernelNamespace | null {
  const inum = readWord(words, at + MEMBER.inums + 4 * slot);
  const type = typeOfSlot(slot);
  const id = at + MEMBER.ids + 8 * slot;
  return inum === 0
    ? null
    : context.makeNamespace(type, inum, readWord(words, id), readWord(words, id + 4));
}

function decodeMember(
  context: Context,
  raw: RawRecords,
  at: number,
  kind: 'joined' | 'moved',
): TaskRecord {
  const { words } = raw;
  const task = readTask(context, raw, at + MEMBER.task);
  const differs = readWord(words, at + MEMBER.differs);
  const namespaces: KernelNamespace[] = [];
  const forChildren: KernelNamespace[] = [];
  for (let slot = 0; slot < SLOT.count; slot += 1) {
    const namespace = (differs & (1 << slot)) === 0 ? null : readSlot(context, raw, at, slot);
    if (namespace !== null && slot < SLOT.pidForChildren) {
      namespaces.push(namespace);
    } else if (namespace !== null && namespace !== readSlot(context, raw, at, ownSlotOf(slot))) {
      forChildren.push(namespace);
    }
  }
  return {
    kind,
    atUs: readInstant(context, raw, at),
    task,
    facts: readFacts(context, raw, at + MEMBER.task, task),
    how: HOW_NAMES[readWord(words, at + MEMBER.how)] ?? null,
    namespaces,
    forChildren,
    hasOtherThreads: (readWord(words, at + HEADER.flags) & FLAG.otherThreads) !== 0,
  };
}

/** The births, owners first, and then the task that is in them. */
function decodeUnshared(context: Context, raw: RawRecords, at: number): DecodedRecord[] {
  const moved = decodeMember(context, raw, at, 'moved');
  const { atUs, task: creator, facts } = moved;
  const how = asCreationCall(moved.how);
  const told = { kind: 'birth' as const, atUs, creator, facts, how, isRecovered: false };
  const births = listBornSlots(raw, at).flatMap((slot): BirthRecord[] => {
    const namespace = readSlot(context, raw, at, slot);
    return namespace ? [{ ...told, namespace, ...readBornRelations(context, raw, at, slot) }] : [];
  });
  return [...births, moved];
}

function readBornRelations(
  context: Context,
  raw: RawRecords,
  at: number,
  slot: number,
): Pick<BirthRecord, 'owner' | 'parent' | 'ownerUid'> {
  if (slot === USER_SLOT) {
    const parent = readRef(context, raw, at + UNSHARED.parent);
    return { owner: parent, parent, ownerUid: readWord(raw.words, at + UNSHARED.ownerUid) };
  }
  const pid = slot === SLOT.pidForChildren ? readSlot(context, raw, at, PID_SLOT) : null;
  return {
    owner: readSlot(context, raw, at, USER_SLOT),
    parent: pid && { ...pid, kernelNamespaceId: null },
    ownerUid: null,
  };
}

function decodeLeft(context: Context, raw: RawRecords, at: number): LeftRecord {
  const { words } = raw;
  const task = {
    pid: readWord(words, at + LEFT.tgid),
    tid: readWord(words, at + LEFT.tid),
    startTimeTicks: readCount(words, at + LEFT.startTicks),
    threadStartTimeTicks: readCount(words, at + LEFT.threadStartTicks),
    comm: context.readComm(raw, at + LEFT.comm),
  };
  const isLast = (readWord(words, at + HEADER.flags) & FLAG.last) !== 0;
  return { kind: 'left', atUs: readInstant(context, raw, at), task, isLast };
}

function decodeEnd(
  context: Context,
  raw: RawRecords,
  at: number,
  kind: EndRecord['kind'],
): EndRecord | null {
  const namespace = readRef(context, raw, at + END.namespace);
  return namespace && { kind, atUs: readInstant(context, raw, at), namespace };
}

function decodeMounted(context: Context, raw: RawRecords, at: number): MountedRecord | null {
  const namespace = readRef(context, raw, at + MOUNTED.namespace);
  const mountNamespace = readRef(context, raw, at + MOUNTED.mountNamespace);
  return (
    namespace &&
    mountNamespace && {
      kind: 'mounted',
      atUs: readInstant(context, raw, at),
      namespace,
      mountNamespace,
      mountId: readWord(raw.words, at + MOUNTED.mountId),
      path: readPath(raw, at, MOUNTED),
    }
  );
}

function decodeUnmounted(context: Context, raw: RawRecords, at: number): UnmountedRecord | null {
  const namespace = readRef(context, raw, at + UNMOUNTED.namespace);
  const mountId = readWord(raw.words, at + UNMOUNTED.mountId);
  return (
    namespace && { kind: 'unmounted', atUs: readInstant(context, raw, at), namespace, mountId }
  );
}

function typeOfSlot(slot: number): NamespaceType {
  return NAMESPACE_TYPES[slot] ?? (slot === SLOT.pidForChildren ? 'pid' : 'time');
}

/** Where the task's own namespace of the type is that `slot` has for its children. */
function ownSlotOf(slot: number): number {
  return NAMESPACE_TYPES.indexOf(typeOfSlot(slot));
}

function listOf<Decoded>(decoded: Decoded | null): Decoded[] {
  return decoded === null ? [] : [decoded];
}

function orNull(id: number): number | null {
  return id === UNSET ? null : id;
}

function asCreationCall(how: string | null): CreationCall | null {
  return CREATION_NAMES.includes(how) ? (how as CreationCall) : null;
}
