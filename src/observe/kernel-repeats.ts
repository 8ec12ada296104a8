/**
 * Records that say no more than "the same again, with this namespace": what a storm of births by one task
 * consists of. Here each becomes the whole record it stands for, so nobody else need know.
 *
 * It repeats the last whole one of its CPU (bpf/records.h). Layouts: kernel-layout.ts.
 */
import {
  HEADER,
  MEMBER,
  readCount,
  readWord,
  RECORD_KIND,
  REPEATED,
  UNSHARED,
} from './kernel-layout.ts';
import type { RawRecords } from './kernel-memory.ts';
import { listBornSlots } from './kernel-unshared.ts';

/** A whole record, from its first byte on, and the number that its CPU gave it. */
export interface RepeatBase {
  readonly cpu: number;
  readonly seq: number;
  readonly raw: RawRecords;
}

export interface RecordAt {
  readonly raw: RawRecords;
  readonly at: number;
}

export interface Repeats {
  /**
   * Is shown every record of the life ring in the order of the ring, and answers what it says in full: for most
   * the record itself. Null for a repetition of what was never seen: then nothing is known of it.
   */
  unfold(raw: RawRecords, at: number): RecordAt | null;
  /** What was learnt since the last call, one for each CPU: what its next repetitions stand for. */
  takeLearnt(): RepeatBase[];
}

const KIND_MASK = 0xff;
const CPU_SHIFT = 16;

/**
 * @param known from an earlier reader of the same ring
 * @param reuses what was unfolded lasts only until the next is
 */
export function createRepeats(known: readonly RepeatBase[], reuses: boolean): Repeats {
  const bases = new Map<number, RepeatBase[]>();
  const learnt = new Map<number, RepeatBase>();
  const scratch = createRecord();
  for (const base of known) {
    const others = bases.get(base.cpu) ?? [];
    bases.set(
      base.cpu,
      [...others, base].toSorted((left, right) => left.seq - right.seq),
    );
  }
  return {
    unfold(raw, at) {
      const kindAndCpu = readWord(raw.words, at + HEADER.kind);
      const kind = kindAndCpu & KIND_MASK;
      const cpu = kindAndCpu >>> CPU_SHIFT;
      if (kind === RECORD_KIND.unshared) {
        const base = { cpu, seq: readCount(raw.words, at + HEADER.seq), raw: copyRecord(raw, at) };
        bases.set(cpu, [base]);
        learnt.set(cpu, base);
      }
      if (kind !== RECORD_KIND.repeated) {
        return { raw, at };
      }
      const number = readCount(raw.words, at + HEADER.seq);
      const base = bases.get(cpu)?.findLast(({ seq }) => seq < number);
      if (base === undefined) {
        return null;
      }
      const whole = reuses ? scratch : createRecord();
      writeWhole(whole, base.raw, raw, at);
      return { raw: whole, at: 0 };
    },
    takeLearnt() {
      const taken = [...learnt.values()];
      learnt.clear();
      return taken;
    },
  };
}

function createRecord(): RawRecords {
  const words = new Uint32Array(UNSHARED.bytes / 4);
  return { words, bytes: Buffer.from(words.buffer) };
}

/** A copy of the unshared record at a byte offset, in memory of its own. */
export function copyRecord(raw: RawRecords, at: number): RawRecords {
  const copy = createRecord();
  copy.bytes.set(raw.bytes.subarray(at, at + UNSHARED.bytes));
  return copy;
}

/** The header is that of the repetition, but for what the base says of kind and flags. */
function writeWhole(whole: RawRecords, base: RawRecords, raw: RawRecords, at: number): void {
  whole.bytes.set(base.bytes);
  whole.bytes.set(raw.bytes.subarray(at, at + HEADER.kind), 0);
  const [slot = 0] = listBornSlots(base, 0);
  whole.bytes.set(
    raw.bytes.subarray(at + REPEATED.id, at + REPEATED.id + 8),
    MEMBER.ids + 8 * slot,
  );
  whole.words[(MEMBER.inums >> 2) + slot] = readWord(raw.words, at + HEADER.flags);
}
