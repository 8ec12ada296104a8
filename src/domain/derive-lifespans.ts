/** Decides for every namespace seen in a scan: the life we know, or a new one. */
import type { Bounds } from './bounds.ts';
import { detectReuse, type ReuseInput, type Sight } from './detect-reuse.ts';
import type { Draft } from './draft.ts';
import { isInitial, type Holding } from './holdings.ts';
import type { InitialNamespaces } from './initial-namespaces.ts';
import { findLifespan, type Known, type LifespanId } from './known.ts';
import type { Creator, Lifespan } from './lifespan.ts';
import { settleMembers } from './member-events.ts';
import {
  INITIAL_INUMS,
  toNamespaceKey,
  type NamespaceKey,
  type NamespaceType,
} from './namespace-type.ts';
import { findImplied, learnRelations, listKept, NO_RELATIONS } from './relations.ts';

export interface Resolution {
  /** The lifespan of every namespace seen, and of those that are there because of one that was seen. */
  readonly lifespanOf: ReadonlyMap<NamespaceKey, LifespanId>;
  /** Lives that ended because their inum is somebody else's now. */
  readonly replaced: ReadonlySet<LifespanId>;
}

interface Input extends ReuseInput {
  readonly initial: InitialNamespaces;
}

/** A resolution under way. */
interface Course {
  readonly input: Input;
  readonly draft: Draft;
  readonly lifespanOf: Map<NamespaceKey, LifespanId>;
  readonly implied: ReadonlyMap<NamespaceKey, ReadonlySet<NamespaceKey>>;
  readonly replaced: Set<LifespanId>;
  /** Lives of an inum, those of this draft included. */
  readonly lives: Map<number, number>;
  /** On the way up to the initial ones: a contradiction in what was read must not go round in a circle. */
  readonly entered: Set<NamespaceKey>;
}

/**
 * Adds namespace.born, namespace.described for what was learnt about known ones, and namespace.disappeared
 * for inode reuse, to the draft. Owners and parents come before what they own and what is below them.
 */
export function deriveLifespans(input: Input, draft: Draft): Resolution {
  const { seen } = input.holdings;
  const course: Course = {
    input,
    draft,
    lifespanOf: new Map(),
    implied: findImplied(seen.keys(), input.scan.relations),
    replaced: new Set(),
    lives: new Map(),
    entered: new Set(),
  };
  for (const key of seen.keys()) {
    resolve(course, key);
  }
  const { lifespanOf, replaced } = course;
  return { lifespanOf, replaced };
}

function resolve(course: Course, key: NamespaceKey): void {
  const { input, draft, lifespanOf, replaced, lives, entered } = course;
  if (entered.has(key)) {
    return;
  }
  entered.add(key);
  const observed = input.scan.relations.get(key);
  listKept(observed).forEach((kept) => resolve(course, kept));
  const idOf = (kept: NamespaceKey | null): LifespanId | null =>
    kept === null ? null : (lifespanOf.get(kept) ?? null);
  const sight: Sight = {
    key,
    holdings: input.holdings.seen.get(key) ?? [],
    relations: observed
      ? { owner: idOf(observed.owner), parent: idOf(observed.parent), ownerUid: observed.ownerUid }
      : NO_RELATIONS,
  };
  const current = findLifespan(input.known, key);
  const reuse = current && detectReuse(input, current, sight);
  if (current && !reuse) {
    learn(input, current, sight, draft);
    lifespanOf.set(key, current.id);
    return;
  }
  const [type, digits] = key.split(':') as [NamespaceType, string];
  const inum = Number(digits);
  for (const old of livesWithInum(input.known, inum)) {
    if (!replaced.has(old.id) && (old.type === type || !isStillSeen(course, old))) {
      endByReuse(input, old, draft);
      replaced.add(old.id);
    }
  }
  const incarnation = (lives.get(inum) ?? input.known.incarnations.get(inum) ?? 0) + 1;
  lives.set(inum, incarnation);
  lifespanOf.set(
    key,
    addBirth(course, { ...sight, incarnation, isSuspected: reuse === 'suspected' }),
  );
}

/**
 * A life that was met without its kernel id, by a collector in the procfs profile, has one all the same.
 * Owner and parent may not have been readable when it was born, or a record told of the birth without them.
 */
function learn({ scan }: Input, life: Lifespan, { key, relations }: Sight, draft: Draft): void {
  const kernelNamespaceId =
    life.kernelNamespaceId === null ? (scan.kernelIds.get(key) ?? null) : null;
  const learnt = learnRelations(life, relations);
  if (kernelNamespaceId === null && learnt === null) {
    return;
  }
  draft.add({
    event: 'namespace.described',
    lifespan: life.id,
    type: life.type,
    inum: life.inum,
    kernelNamespaceId,
    ...(learnt ?? NO_RELATIONS),
    names: null,
    initEnded: null,
    nsids: null,
    references: null,
  });
}

function livesWithInum(known: Known, inum: number): Lifespan[] {
  return (known.lifespansByInum.get(inum) ?? []).flatMap((id) => known.lifespans.get(id) ?? []);
}

/**
 * Another type with the same inum, seen in the same scan: it was read before the inum changed hands.
 * It is ended by the next scan, when only one of the two is still seen.
 */
function isStillSeen({ input, implied }: Course, old: Lifespan): boolean {
  const key = toNamespaceKey(old.type, old.inum);
  return old.initial || input.holdings.seen.has(key) || implied.has(key);
}

function endByReuse(input: Input, old: Lifespan, draft: Draft): void {
  const lastSeenUs = input.watch.sightings.get(old.id)?.lastSeenUs ?? old.born.by;
  const gone: Bounds = { after: lastSeenUs, by: input.scan.endedAtUs, evidence: 'inode-reuse' };
  const { id: lifespan, type, inum } = old;
  settleMembers(input, lifespan, gone, draft);
  draft.add({ event: 'namespace.disappeared', lifespan, type, inum, reason: 'inode-reuse', gone });
}

interface Birth extends Sight {
  readonly incarnation: number;
  readonly isSuspected: boolean;
}

function addBirth(course: Course, birth: Birth): LifespanId {
  const { input, draft } = course;
  const [type, digits] = birth.key.split(':') as [NamespaceType, string];
  const subject = { lifespan: draft.nextSeq(), type, inum: Number(digits) };
  const born = boundBirth(course, birth);
  // The initial one may be seen by nothing but what it owns, too.
  const initial = isInitial(input.initial, birth.key) || subject.inum === INITIAL_INUMS[type];
  draft.add({
    event: 'namespace.born',
    ...subject,
    boot: input.scan.bootId,
    nsfsDev: input.scan.nsfsDev,
    kernelNamespaceId: input.scan.kernelIds.get(birth.key) ?? null,
    incarnation: birth.incarnation,
    initial,
    suspected: birth.isSuspected,
    born,
    creator: born.after === null ? null : findCreator(birth.holdings),
    ...birth.relations,
  });
  return subject.lifespan;
}

/**
 * It was born after the start of the last scan that looked everywhere. The start, not the end: what
 * came up behind the back of that scan was there before it ended. That scan may have missed what it could
 * not read, and what is known only by namespaces that were there before.
 */
function boundBirth({ input, implied }: Course, { key, holdings }: Birth): Bounds {
  const { known, watch, scan } = input;
  const by = scan.endedAtUs;
  if (watch.previous === null) {
    return { after: null, by, evidence: 'baseline' };
  }
  const wasHidden =
    holdings.length > 0 &&
    holdings.every(({ pid, startTimeTicks }) => watch.unreadable.has(`${pid}:${startTimeTicks}`));
  const witnesses = [...(implied.get(key) ?? [])].flatMap(
    (witness) => findLifespan(known, witness) ?? [],
  );
  if (wasHidden || witnesses.length > 0) {
    // What it owns or what is below it was not there before it.
    return {
      after: null,
      by: Math.min(by, ...witnesses.map(({ born }) => born.by)),
      evidence: 'scan',
    };
  }
  const after = watch.previous.startedAtUs;
  return { after, by, evidence: after < watch.gapEndUs ? 'inferred-after-gap' : 'scan' };
}

/** The oldest process holding it at first sight: the likely maker. Who entered with setns looks the same. */
function findCreator(holdings: readonly Holding[]): Creator | null {
  let oldest: Holding | undefined;
  for (const holding of holdings) {
    const isTask =
      holding.kind === 'process' || holding.kind === 'thread' || holding.kind === 'for-children';
    if (isTask && (oldest === undefined || isOlder(holding, oldest))) {
      oldest = holding;
    }
  }
  const { pid = null, startTimeTicks = null, facts = null } = oldest ?? {};
  if (pid === null || startTimeTicks === null || facts === null) {
    return null;
  }
  return { pid, startTimeTicks, ...facts, how: null, evidence: 'scan' };
}

function isOlder(left: Holding, right: Holding): boolean {
  const difference = (left.startTimeTicks ?? 0) - (right.startTimeTicks ?? 0);
  return difference === 0 ? (left.pid ?? 0) < (right.pid ?? 0) : difference < 0;
}
