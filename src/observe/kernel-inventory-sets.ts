/**
 * The namespaces of a task row as links. Most tasks are in the same few combinations, so each combination is
 * decoded once and its objects are shared by all processes that are in it.
 */
import {
  NAMESPACE_TYPES,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from '../domain/namespace-type.ts';
import type { ForChildrenLinks, NamespaceLinks } from '../domain/scan.ts';
import {
  createComparison,
  readDigits,
  TASK_LINKS,
  TASK_ROW,
  TASK_ROW_WORDS,
  type Rows,
} from './kernel-inventory-rows.ts';

/** One combination of namespaces. The same object for every row with the same inums and kernel ids. */
export interface NamespaceSet {
  readonly links: NamespaceLinks;
  readonly forChildren: ForChildrenLinks;
  /** Kernel ids, where the kernel gives any. */
  readonly ids: readonly (readonly [key: NamespaceKey, id: string])[];
}

export interface SetReader {
  /** Begins a scan over rows that may have been written anew, and forgets the sets that the last one did not see. */
  nextScan(rows: Rows): void;
  read(row: number): NamespaceSet;
  /** The sets that were read since nextScan. */
  seen(): readonly NamespaceSet[];
}

interface Entry {
  readonly set: NamespaceSet;
  /** Copied from the row: ids, then inums. */
  readonly words: Int32Array;
  seenInScan: number;
}

type Draft<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

/** ids and inums stand side by side in a row. */
const FROM = TASK_ROW.ids;
const SET_WORDS = TASK_ROW.inums + TASK_LINKS.length - FROM;
const INUMS_FROM = TASK_ROW.inums - FROM;

const isSame = createComparison(SET_WORDS);

const HASH_PRIME = 0x0100_0193;

export function createSetReader(): SetReader {
  let entries = new Map<number, Entry[]>();
  let words: Int32Array = new Int32Array();
  let last: Entry | null = null;
  let seen: NamespaceSet[] = [];
  let scan = 0;

  function find(at: number): Entry {
    const hash = hashOf(words, at);
    const bucket = entries.get(hash) ?? [];
    const known = bucket.find((entry) => isSame(entry.words, 0, words, at));
    if (known) {
      return known;
    }
    const copied = words.slice(at, at + SET_WORDS);
    const entry = { set: decode(new Uint32Array(copied.buffer)), words: copied, seenInScan: 0 };
    entries.set(hash, [...bucket, entry]);
    return entry;
  }

  return {
    nextScan(rows) {
      entries = new Map(
        [...entries]
          .map(
            ([hash, bucket]) =>
              [hash, bucket.filter(({ seenInScan }) => seenInScan === scan)] as const,
          )
          .filter(([, bucket]) => bucket.length > 0),
      );
      words = rows.signedWords;
      last = null;
      seen = [];
      scan += 1;
    },
    read(row) {
      const at = row * TASK_ROW_WORDS + FROM;
      if (last && isSame(last.words, 0, words, at)) {
        return last.set;
      }
      last = find(at);
      if (last.seenInScan !== scan) {
        last.seenInScan = scan;
        seen.push(last.set);
      }
      return last.set;
    },
    seen: () => seen,
  };
}

/** Over the inums only: where two sets differ in an id, they nearly always differ in an inum as well. */
function hashOf(words: Int32Array, at: number): number {
  let hash = 0;
  for (let word = INUMS_FROM; word < SET_WORDS; word += 1) {
    hash = Math.imul(hash ^ (words[at + word] ?? 0), HASH_PRIME);
  }
  return hash;
}

function decode(words: Uint32Array): NamespaceSet {
  const links: Draft<NamespaceLinks> = {};
  const forChildren: Draft<ForChildrenLinks> = {};
  const ids = new Map<NamespaceKey, string>();
  const note = (type: NamespaceType, inum: number, place: number): void => {
    const id = readDigits(words, place * 2);
    if (id !== '0') {
      ids.set(toNamespaceKey(type, inum), id);
    }
  };
  for (const [place, type] of NAMESPACE_TYPES.entries()) {
    const inum = words[INUMS_FROM + place] ?? 0;
    if (inum > 0) {
      links[type] = inum;
      note(type, inum, place);
    }
  }
  for (const [index, type] of (['pid', 'time'] as const).entries()) {
    const place = NAMESPACE_TYPES.length + index;
    const inum = words[INUMS_FROM + place] ?? 0;
    if (inum > 0 && inum !== links[type]) {
      forChildren[type] = inum;
      note(type, inum, place);
    }
  }
  return { links, forChildren, ids: [...ids] };
}
