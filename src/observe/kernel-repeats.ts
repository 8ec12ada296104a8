/**
 * Records that say no more than "the same again, with these namespaces": what a storm of births by one task
 * consists of. Here each repeat becomes the whole record it stands for, so nobody else need know.
 *
 * They name the whole one of their CPU that they repeat (bpf/records.h). Layouts: kernel-layout.ts.
 */
import {
  HEADER,
  MEMBER,
  readCount,
  readWord,
  RECORD_KIND,
  REPEAT,
  REPEATED,
  UNSHARED,
  WORD_LIMIT,
} from './kernel-layout.ts';
import type { RawRecords } from './kernel-memory.ts';
import { listBornSlots } from './kernel-unshared.ts';

/** A whole record, from its first byte on, and the number that its CPU gave it. */
export interface RepeatBase {
  readonly cpu: number;
  readonly seq: number;
  readonly raw: RawRecords;
}

export interface Repeats {
  /**
   * Is shown every record of the life ring in the order of the ring, and visits what it says in full: for most
   * the record itself. Nothing for repeats of what was never seen, and for those that were visited before.
   */
  unfold(raw: RawRecords, at: number, visit: Visit): void;
  /** By CPU, the number of the last repeat that was visited. */
  readonly lastSeqs: readonly number[];
  /** What was learnt since the last call, one for each CPU: what its next repetitions stand for. */
  takeLearnt(): RepeatBase[];
}

type Visit = (raw: RawRecords, at: number) => void;

const KIND_MASK = 0xff;
const CPU_SHIFT = 16;

/** What an earlier reader of the same ring has left. */
export interface KnownRepeats {
  readonly bases: readonly RepeatBase[];
  /** As `lastSeqs`. */
  readonly taken: readonly number[];
}

/** @param reuses what was unfolded lasts only until the next is */
export function createRepeats(known: KnownRepeats, reuses: boolean): Repeats {
  const bases = new Map<number, RepeatBase[]>();
  const learnt = new Map<number, RepeatBase>();
  const lastSeqs = [...known.taken];
  const scratch = createRecord();
  for (const base of known.bases) {
    bases.set(base.cpu, [...(bases.get(base.cpu) ?? []), base]);
  }

  function unfoldRepeats(raw: RawRecords, at: number, cpu: number, visit: Visit): void {
    const baseSeq = readCount(raw.words, at + HEADER.seq);
    const base = bases.get(cpu)?.find(({ seq }) => seq === baseSeq);
    const count = raw.bytes[at + HEADER.count] ?? 0;
    for (let index = 0; index < count; index += 1) {
      const repeat = at + REPEATED.repeats + index * REPEAT.bytes;
      const seq = baseSeq + readWord(raw.words, repeat + REPEAT.moreSeq);
      if (base === undefined || seq <= (lastSeqs[cpu] ?? 0)) {
        continue;
      }
      lastSeqs[cpu] = seq;
      const whole = reuses ? scratch : createRecord();
      writeWhole(whole, base.raw, raw, repeat);
      visit(whole, 0);
    }
  }

  return {
    unfold(raw, at, visit) {
      const kindAndCpu = readWord(raw.words, at + HEADER.kind);
      const kind = kindAndCpu & KIND_MASK;
      const cpu = kindAndCpu >>> CPU_SHIFT;
      if (kind === RECORD_KIND.unshared) {
        const base = { cpu, seq: readCount(raw.words, at + HEADER.seq), raw: copyRecord(raw, at) };
        bases.set(cpu, [base]);
        learnt.set(cpu, base);
      }
      if (kind === RECORD_KIND.repeated) {
        unfoldRepeats(raw, at, cpu, visit);
      } else {
        visit(raw, at);
      }
    },
    lastSeqs,
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

/** Writes the record that the repeat at a byte offset of `raw` stands for. */
function writeWhole(whole: RawRecords, base: RawRecords, raw: RawRecords, at: number): void {
  whole.bytes.set(base.bytes);
  const [slot = 0] = listBornSlots(base, 0);
  addWord(whole, HEADER.bootNs, readWord(raw.words, at + REPEAT.laterNs));
  addWord(whole, HEADER.seq, readWord(raw.words, at + REPEAT.moreSeq));
  addWord(whole, MEMBER.ids + 8 * slot, readWord(raw.words, at + REPEAT.moreId));
  whole.words[(MEMBER.inums >> 2) + slot] = readWord(raw.words, at + REPEAT.inum);
}

/** To the u64 at a byte offset: an id may be beyond what a number can say. */
function addWord({ words }: RawRecords, at: number, more: number): void {
  const low = readWord(words, at) + more;
  words[at >> 2] = low;
  words[(at >> 2) + 1] = readWord(words, at + 4) + Math.floor(low / WORD_LIMIT);
}
