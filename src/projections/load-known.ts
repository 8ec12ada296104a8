/** Reads the known state back from the rows of read.db, so that a start need not fold the whole log. */
import type { ContainerEngine } from '../domain/container.ts';
import { assert } from '../domain/errors.ts';
import { fromStoredEvent, type EventOf } from '../domain/event.ts';
import { toHolderKey } from '../domain/holder.ts';
import { emptyKnown, indexHolder, indexLifespan, indexSet, type Known } from '../domain/known.ts';
import { readRetainedEvent } from '../domain/restore-retained.ts';
import { FOREVER_US } from '../domain/time.ts';
import type {
  BootRow,
  ContainerRow,
  HolderRow,
  LifespanRow,
  NamespaceSetRow,
} from '../store/database-schema.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import type { DatabaseHandle } from '../store/open-database.ts';
import { HOLDER_COLUMNS, LIFESPAN_COLUMNS, toHolder, toLifespan } from '../store/read-rows.ts';
import { OPEN_CLASS } from '../store/span-class.ts';
import type { Checkpoint } from './checkpoint.ts';

/**
 * The state that folding the log up to the checkpoint gives. The last coverage event and the open gaps
 * are read from the log itself: read.db keeps only the parts of them that are asked for.
 */
export function loadKnown(db: DatabaseHandle, log: EventLogReader, checkpoint: Checkpoint): Known {
  const known = emptyKnown();
  known.knownFromUs = readPrunedUntil(db);
  known.position = checkpoint.position;
  known.lastAt = checkpoint.last_at_us;
  known.isCollecting = checkpoint.is_collecting === 1;
  loadWallOffsets(db, known);
  loadLifespans(db, known);
  loadSets(db, known);
  loadHolders(db, known);
  loadBoot(db, log, known);
  loadOpenGaps(db, log, known);
  return known;
}

function readPrunedUntil(db: DatabaseHandle): number | null {
  const select = db.prepare<[], number>(`SELECT to_us FROM gap WHERE reason = 'pruned'`).pluck();
  return select.get() ?? null;
}

function loadWallOffsets(db: DatabaseHandle, known: Known): void {
  const rows = db
    .prepare<[], { fromUs: number; offsetUs: number }>(
      'SELECT from_us AS fromUs, offset_us AS offsetUs FROM wall_offset ORDER BY from_us',
    )
    .all();
  known.wallOffsets.push(...rows);
}

function loadLifespans(db: DatabaseHandle, known: Known): void {
  const rows = db
    .prepare<[], LifespanRow>(
      `SELECT ${LIFESPAN_COLUMNS.map((column) => `lifespan.${column}`).join(', ')},
         holder_count.holders_now, holder_count.holders_ever,
         (SELECT json_group_array(used.cgroup) FROM
           (SELECT cgroup FROM container_use WHERE container_use.lifespan = lifespan.id ORDER BY place) AS used
         ) AS containers
       FROM lifespan JOIN holder_count ON holder_count.lifespan = lifespan.id
       WHERE lifespan.to_us = ${FOREVER_US} ORDER BY lifespan.id`,
    )
    .all();
  for (const row of rows) {
    indexLifespan(known, toLifespan(row));
  }
}

function loadSets(db: DatabaseHandle, known: Known): void {
  const rows = db
    .prepare<[], NamespaceSetRow>(
      `SELECT namespace_set.id, namespace_set.lifespan, namespace_set.counted
       FROM open_set JOIN namespace_set ON namespace_set.id = open_set.id
       ORDER BY namespace_set.id, namespace_set.lifespan`,
    )
    .all();
  const namespaces = new Map<number, { counted: number; lifespans: number[] }>();
  for (const { id, lifespan, counted } of rows) {
    const set = namespaces.get(id) ?? { counted, lifespans: [] };
    set.lifespans.push(lifespan);
    namespaces.set(id, set);
  }
  for (const [id, { counted, lifespans }] of namespaces) {
    indexSet(known, { id, namespaces: lifespans, members: new Set(), counted });
  }
}

/** What an open holder holds has not ended either, so each is found through the index of its set or lifespan. */
function loadHolders(db: DatabaseHandle, known: Known): void {
  const select = (column: 'set_id' | 'lifespan') =>
    db.prepare<[number], HolderRow>(
      `SELECT ${HOLDER_COLUMNS.join(', ')} FROM holder WHERE ${column} = ? AND class = ${OPEN_CLASS}`,
    );
  const ofSet = select('set_id');
  const ofLifespan = select('lifespan');
  const rows = [
    ...[...known.sets.keys()].flatMap((id) => ofSet.all(id)),
    ...[...known.lifespans.keys()].flatMap((id) => ofLifespan.all(id)),
  ];
  for (const row of rows.toSorted((left, right) => left.id - right.id)) {
    const holder = toHolder(row);
    indexHolder(known, toHolderKey(holder), holder);
  }
}

/** The running boot, with what is counted and watched in it. */
function loadBoot(db: DatabaseHandle, log: EventLogReader, known: Known): void {
  const row = db
    .prepare<[], BootRow>('SELECT seq, boot, kernel, anchor_us FROM boot ORDER BY seq DESC LIMIT 1')
    .get();
  if (row === undefined) {
    return;
  }
  known.boot = { boot: row.boot, kernel: row.kernel, anchorUs: row.anchor_us };
  const lives = db
    .prepare<[string], { inum: number; lives: number }>(
      'SELECT inum, lives FROM incarnation WHERE boot = ?',
    )
    .all(row.boot);
  for (const { inum, lives: count } of lives) {
    known.incarnations.set(inum, count);
  }
  loadContainers(db, known, row.seq);
  const coverageSeq = db
    .prepare<[], number>('SELECT seq FROM coverage ORDER BY seq DESC LIMIT 1')
    .pluck()
    .get();
  if (coverageSeq !== undefined && coverageSeq > row.seq) {
    known.coverage = readEvent(log, coverageSeq, 'coverage.changed');
  }
}

/** What was learnt about containers since the boot: the last telling of each. */
function loadContainers(db: DatabaseHandle, known: Known, bootSeq: number): void {
  const rows = db
    .prepare<[number], ContainerRow>(
      `SELECT seq, cgroup, engine, container_id, name, pod_uid FROM container WHERE seq > ? ORDER BY seq`,
    )
    .all(bootSeq);
  for (const { cgroup, engine, container_id: containerId, name, pod_uid: podUid } of rows) {
    const container = { engine: engine as ContainerEngine | null, containerId, name, podUid };
    known.containers.set(cgroup, { ...container, cgroup });
  }
}

function loadOpenGaps(db: DatabaseHandle, log: EventLogReader, known: Known): void {
  const seqs = db
    .prepare<[], number>(
      `SELECT seq FROM gap WHERE closed_seq IS NULL AND reason <> 'pruned' ORDER BY seq`,
    )
    .pluck()
    .all();
  for (const seq of seqs) {
    known.openGaps.set(seq, readEvent(log, seq, 'observation.gap'));
  }
}

/** From the log, or from what was kept of it. */
function readEvent<Name extends 'coverage.changed' | 'observation.gap'>(
  log: EventLogReader,
  seq: number,
  name: Name,
): EventOf<Name> {
  const [stored] = log.readEvents({ after: seq - 1, limit: 1 });
  if (stored?.seq !== seq) {
    const record = name === 'coverage.changed' ? 'coverage' : 'gap';
    const retained = log.findRetained(record, seq);
    assert(retained !== undefined, `event ${seq} is in read.db and not in the log`);
    return readRetainedEvent(retained, name);
  }
  const event = fromStoredEvent(stored);
  assert(event.event === name, `event ${seq} is ${event.event}, not ${name}`);
  return event as EventOf<Name>;
}
