/**
 * Folds one event into the known state, and says which records it changed.
 *
 * This is the only place that knows what an event means; projections store the changed records and
 * decide nothing. Pure in the sense that matters: no clock, no I/O, the result depends on the events
 * alone. It owns the state it is given and changes it in place, because a fold over millions of events
 * cannot copy it; hand it a state nobody else still reads.
 */
import type { Bounds } from './bounds.ts';
import type { Change } from './change.ts';
import { listHeldRelatives } from './derive-relatives.ts';
import { assert, InvariantError, unreachable } from './errors.ts';
import type { AuditEvent, EventOf } from './event.ts';
import {
  addName,
  applyChurned,
  applyContainer,
  applyFacts,
  applyGained,
  applyLost,
  closeHolder,
  dissolveSet,
  requireLifespan,
} from './evolve-holders.ts';
import { indexLifespan, type Coverage, type Known, type LifespanId } from './known.ts';
import type { Lifespan } from './lifespan.ts';
import { toNamespaceKey } from './namespace-type.ts';
import { applyNsidNews } from './nsid.ts';
import type { WallOffset } from './wall-clock.ts';

/**
 * Errors: InvariantError when the event does not follow from the state (unknown lifespan, wrong seq):
 * the log or the fold is broken, and guessing would falsify the record.
 */
export function evolve(known: Known, event: AuditEvent): Change[] {
  if (event.seq <= known.position) {
    throw new InvariantError(`event ${event.seq} does not come after position ${known.position}`);
  }
  const changes = apply(known, event);
  known.position = event.seq;
  known.lastAt = Math.max(known.lastAt, event.at);
  return changes;
}

function apply(known: Known, event: AuditEvent): Change[] {
  switch (event.event) {
    case 'collector.started':
      known.isCollecting = true;
      return [];
    case 'collector.stopped':
      known.isCollecting = false;
      return [];
    case 'boot.started':
      return applyBootStarted(known, event);
    case 'clock.stepped':
      return applyOffset(known, { fromUs: event.at, offsetUs: event.offsetUs });
    case 'coverage.changed':
      known.coverage = event;
      return [{ record: 'coverage', value: clipCoverage(known, event), fromUs: event.from }];
    case 'observation.gap':
      known.openGaps.set(event.seq, event);
      return [{ record: 'gap', value: event, closed: null }];
    case 'observation.gap_closed':
      return applyGapClosed(known, event);
    case 'namespace.born':
      return applyBorn(known, event);
    case 'namespace.described':
      return applyDescribed(known, event);
    case 'holder.gained':
      return applyGained(known, event);
    case 'holder.lost':
      return applyLost(known, event);
    case 'holder.described':
      return applyFacts(known, event);
    case 'container.described':
      return applyContainer(known, event);
    case 'holders.churned':
      return applyChurned(known, event);
    case 'namespace.unheld':
      return [
        { record: 'lifespan', value: change(known, event.lifespan, { unheld: event.unheld }) },
      ];
    case 'namespace.unreferenced':
      return [
        {
          record: 'lifespan',
          value: change(known, event.lifespan, { unreferenced: event.unreferenced }),
        },
      ];
    case 'namespace.disappeared':
      return applyDisappeared(known, event);
    case 'namespaces.stormed':
      // Born and gone again: no lifespan, no incarnation of an inum.
      return [{ record: 'storm', value: event }];
    case 'log.pruned':
    case 'recording.changed':
    case 'checkpoint.published':
      return [];
    default:
      return unreachable(event);
  }
}

/**
 * A stretch of watching, without what lies before the log's knowledge: what was seen then has been removed,
 * and nobody may conclude from its absence.
 */
export function clipCoverage({ knownFromUs }: Known, coverage: Coverage): Coverage {
  return knownFromUs === null || coverage.from >= knownFromUs
    ? coverage
    : { ...coverage, from: Math.min(knownFromUs, coverage.to) };
}

function applyBootStarted(known: Known, event: EventOf<'boot.started'>): Change[] {
  const boot = { boot: event.boot, kernel: event.kernel, anchorUs: event.anchor };
  known.boot = boot;
  known.coverage = null;
  known.incarnations.clear();
  known.containers.clear();
  return [
    { record: 'boot', value: boot, seq: event.seq },
    ...applyOffset(known, { fromUs: event.anchor, offsetUs: event.offsetUs }),
  ];
}

function applyOffset(known: Known, offset: WallOffset): Change[] {
  if ((known.wallOffsets.at(-1)?.offsetUs ?? 0) === offset.offsetUs) {
    return [];
  }
  known.wallOffsets.push(offset);
  return [{ record: 'wall-offset', value: offset }];
}

function applyGapClosed(known: Known, event: EventOf<'observation.gap_closed'>): Change[] {
  const gap = known.openGaps.get(event.gap);
  assert(gap !== undefined, `event ${event.seq} closes gap ${event.gap}, which is not open`);
  known.openGaps.delete(event.gap);
  return [{ record: 'gap', value: gap, closed: event }];
}

function applyBorn(known: Known, event: EventOf<'namespace.born'>): Change[] {
  if (event.lifespan !== event.seq) {
    throw new InvariantError(`event ${event.seq} introduces lifespan ${event.lifespan}`);
  }
  const {
    boot,
    type,
    nsfsDev,
    inum,
    kernelNamespaceId,
    incarnation,
    initial,
    suspected,
    born,
    creator,
  } = event;
  const { owner, parent, ownerUid } = event;
  const lifespan: Lifespan = {
    id: event.seq,
    boot,
    type,
    nsfsDev,
    inum,
    kernelNamespaceId,
    incarnation,
    initial,
    suspected,
    born,
    creator,
    owner,
    parent,
    ownerUid,
    initEnded: null,
    unheld: null,
    unreferenced: null,
    gone: null,
    reason: null,
    names: [],
    nsids: [],
    containers: [],
    references: null,
    holdersNow: 0,
    holdersEver: 0,
  };
  indexLifespan(known, lifespan);
  known.incarnations.set(inum, incarnation);
  return [
    { record: 'lifespan', value: lifespan },
    { record: 'incarnation', boot, inum, lives: incarnation },
  ];
}

function applyDescribed(known: Known, event: EventOf<'namespace.described'>): Change[] {
  const lifespan = requireLifespan(known, event.lifespan);
  lifespan.owner = event.owner ?? lifespan.owner;
  lifespan.parent = event.parent ?? lifespan.parent;
  lifespan.ownerUid = event.ownerUid ?? lifespan.ownerUid;
  lifespan.initEnded = event.initEnded ?? lifespan.initEnded;
  if (event.kernelNamespaceId !== null) {
    lifespan.kernelNamespaceId = event.kernelNamespaceId;
    known.lifespanByKernelId.set(event.kernelNamespaceId, lifespan.id);
  }
  for (const name of event.names ?? []) {
    addName(lifespan, name);
  }
  for (const news of event.nsids ?? []) {
    applyNsidNews(lifespan.nsids, news, event.at);
  }
  if (event.references !== null) {
    lifespan.references = { ...event.references, at: event.at };
  }
  return [{ record: 'lifespan', value: lifespan }];
}

function applyDisappeared(known: Known, event: EventOf<'namespace.disappeared'>): Change[] {
  const lifespan = requireLifespan(known, event.lifespan);
  const changes: Change[] = [];
  for (const holderId of known.holdersOf.get(lifespan.id) ?? []) {
    const holder = known.holders.get(holderId);
    if (holder) {
      changes.push(...closeHolder(known, holder, event.gone));
    }
  }
  for (const setId of known.setsOf.get(lifespan.id) ?? []) {
    changes.push(...dissolveSet(known, setId, event.gone));
  }
  for (const nsid of lifespan.nsids) {
    nsid.to ??= event.gone;
  }
  changes.push(...releaseRelatives(known, lifespan, event.gone));
  lifespan.gone = event.gone;
  lifespan.reason = event.reason;
  forgetLifespan(known, lifespan);
  changes.push({ record: 'lifespan', value: lifespan });
  return changes;
}

/** What a child or owned namespace has kept, it keeps no longer. */
function releaseRelatives(known: Known, ended: Lifespan, gone: Bounds): Change[] {
  return listHeldRelatives(ended).flatMap(({ kind, lifespan }) =>
    [...(known.holdersOf.get(lifespan) ?? [])].flatMap((id) => {
      const holder = known.holders.get(id);
      const isIt = holder?.kind === kind && holder.namespace === ended.id;
      return isIt ? closeHolder(known, holder, gone) : [];
    }),
  );
}

function forgetLifespan(known: Known, lifespan: Lifespan): void {
  known.lifespans.delete(lifespan.id);
  known.holdersOf.delete(lifespan.id);
  known.setsOf.delete(lifespan.id);
  known.containersOf.delete(lifespan.id);
  const key = toNamespaceKey(lifespan.type, lifespan.inum);
  if (known.lifespanByKey.get(key) === lifespan.id) {
    known.lifespanByKey.delete(key);
  }
  const { kernelNamespaceId } = lifespan;
  if (
    kernelNamespaceId !== null &&
    known.lifespanByKernelId.get(kernelNamespaceId) === lifespan.id
  ) {
    known.lifespanByKernelId.delete(kernelNamespaceId);
  }
  const others = (known.lifespansByInum.get(lifespan.inum) ?? []).filter(
    (id) => id !== lifespan.id,
  );
  if (others.length > 0) {
    known.lifespansByInum.set(lifespan.inum, others);
  } else {
    known.lifespansByInum.delete(lifespan.inum);
  }
}

function change(known: Known, id: LifespanId, part: Partial<Lifespan>): Lifespan {
  return Object.assign(requireLifespan(known, id), part);
}
