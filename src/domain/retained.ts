/**
 * What is kept when the beginning of the log is removed: the state at the cut, as records, so that folding
 * what is left still gives the same answers about every time after it.
 *
 * Holds:     everything that a known state has, the seqs that read.db files records under, and the mounts
 *            that a namespace which goes on has had, because they are its names.
 * Promises:  records kept, read back and folded on are what folding the whole log gives, for every instant
 *            from `knownFromUs` on.
 * Does not:  keep what had ended before: about that the log then says nothing, and read.db says so.
 * Proved by: test/projections/pruned.test.ts
 */
import type { Change } from './change.ts';
import { toStoredEvent, type AuditEvent } from './event.ts';
import { evolve } from './evolve.ts';
import type { Holder } from './holder.ts';
import { emptyKnown, type Known, type LifespanId } from './known.ts';
import {
  inOrder,
  type RetainedHead,
  type RetainedRecord,
  type Restored,
} from './restore-retained.ts';

/** A fold that can say at any event what has to be kept when everything up to it is removed. */
export interface Retaining {
  readonly known: Known;
  fold(event: AuditEvent): void;
  /** Everything that has to be kept, in the order in which it is stored and hashed. */
  records(): RetainedRecord[];
  /** From when on answers are complete if everything folded so far is removed. */
  knownFromUs(): number;
}

interface Followed {
  firstAtUs: number | null;
  bootSeq: number;
  /** The latest instant that something removed says anything about. */
  endUs: number;
  readonly containerSeqs: Map<string, number>;
  /** Mounts that are over, of lifespans that are not. */
  readonly pastMounts: Map<LifespanId, Holder[]>;
}

/** Begins before the first event, or where records that were kept earlier end. */
export function startRetaining(restored?: Restored): Retaining {
  const known = restored?.known ?? emptyKnown();
  const followed: Followed = {
    firstAtUs: restored?.firstAtUs ?? null,
    bootSeq: 0,
    endUs: restored?.known.knownFromUs ?? Number.NEGATIVE_INFINITY,
    containerSeqs: new Map(),
    pastMounts: new Map(),
  };
  restored?.changes.forEach((change) => follow(followed, change));
  return {
    known,
    fold(event) {
      followed.firstAtUs ??= event.at;
      followed.endUs = Math.max(followed.endUs, event.at);
      for (const change of evolve(known, event)) {
        follow(followed, change);
      }
    },
    records: () => toRecords(known, followed),
    knownFromUs: () => followed.endUs,
  };
}

function follow(followed: Followed, change: Change): void {
  const past = (endUs: number | undefined) => {
    followed.endUs = Math.max(followed.endUs, endUs ?? followed.endUs);
  };
  switch (change.record) {
    case 'lifespan':
      past(change.value.gone?.by);
      if (change.value.gone) {
        followed.pastMounts.delete(change.value.id);
      }
      break;
    case 'holder': {
      const { to, kind, lifespan } = change.value;
      past(to?.by);
      if (to && kind === 'bind-mount' && lifespan !== null) {
        const mounts = followed.pastMounts.get(lifespan) ?? [];
        mounts.push(change.value);
        followed.pastMounts.set(lifespan, mounts);
      }
      break;
    }
    case 'coverage':
    case 'gap':
    case 'storm':
      past(change.value.to);
      break;
    case 'boot':
      followed.bootSeq = change.seq;
      followed.containerSeqs.clear();
      break;
    case 'container':
      followed.containerSeqs.set(change.value.cgroup, change.seq);
      break;
    default:
  }
}

function toRecords(known: Known, followed: Followed): RetainedRecord[] {
  const { boot, position, lastAt, isCollecting, coverage } = known;
  const head: RetainedHead = {
    position,
    lastAt,
    isCollecting,
    firstAt: followed.firstAtUs ?? lastAt,
    knownFrom: followed.endUs,
    boot: boot && { seq: followed.bootSeq, ...boot },
  };
  const pastMounts = [...followed.pastMounts]
    .filter(([lifespan]) => known.lifespans.has(lifespan))
    .flatMap(([, mounts]) => mounts);
  return [
    toRecord('head', 0, head),
    ...known.wallOffsets.map((offset, index) => toRecord('wall-offset', index, offset)),
    ...[...known.lifespans.values()].map((value) => toRecord('lifespan', value.id, value)),
    ...[...known.sets.values()].map(({ id: set, namespaces, counted }) =>
      toRecord('set', set, { id: set, namespaces, counted }),
    ),
    ...[...known.holders.values(), ...pastMounts].map((value) =>
      toRecord('holder', value.id, value),
    ),
    ...[...known.containers].map(([cgroup, value]) =>
      toRecord('container', followed.containerSeqs.get(cgroup) ?? 0, value),
    ),
    ...[...known.incarnations].map(([inum, lives]) => toRecord('incarnation', inum, { lives })),
    ...(coverage ? [toRecord('coverage', coverage.seq, toStoredEvent(coverage))] : []),
    ...[...known.openGaps.values()].map((gap) => toRecord('gap', gap.seq, toStoredEvent(gap))),
  ].toSorted(inOrder);
}

function toRecord(record: RetainedRecord['record'], key: number, value: object): RetainedRecord {
  const body = JSON.stringify(value, (_key, part: unknown) => (part === null ? undefined : part));
  return { record, id: key, body };
}
