/**
 * Writes changed records as rows of read.db. Inside a transaction of the caller.
 *
 * Values are spread into arguments: the driver reads an array element by element, which is slower.
 */
import type { Holder } from '../domain/holder.ts';
import type { Known, NamespaceSet, SetId, Storm } from '../domain/known.ts';
import type { Lifespan } from '../domain/lifespan.ts';
import type { ContainerRow, CoverageRow, GapRow, StormRow } from '../store/database-schema.ts';
import type { DatabaseHandle } from '../store/open-database.ts';
import {
  classOf,
  toCreatorText,
  HOLDER_COLUMNS,
  HOLDER_FACT_COLUMNS,
  HOLDER_LOSS_COLUMNS,
  LIFESPAN_COLUMNS,
  LIFESPAN_END_COLUMNS,
  LIFESPAN_GROWTH_COLUMNS,
  PROCESS_COLUMNS,
  toHolderFacts,
  toHolderLoss,
  toHolderValues,
  toLifespanBirth,
  toLifespanEnd,
  toLifespanGrowth,
  toProcessValues,
  type SqlValue,
} from '../store/read-rows.ts';
import { toClassWidthUs } from '../store/span-class.ts';
import type { DirtyCoverage, DirtyGap, DirtyRecords } from './dirty-records.ts';
import { prepareCreations } from './write-creations.ts';

export interface RecordWriter {
  /**
   * Writes everything in `dirty`. A record whose id is above `storedPosition` is not stored yet: ids are
   * the seq of the event that introduced the record.
   */
  write(dirty: DirtyRecords, state: { known: Known; storedPosition: number }): void;
}

/** Prepares the statements. The tables must exist; their secondary indexes need not. */
export function prepareRecordWriter(db: DatabaseHandle): RecordWriter {
  const statements = prepareStatements(db);
  const noteClass = prepareSpanClasses(db);
  const writeCreations = prepareCreations(db);
  const storedSets = new Set(db.prepare<[], number>('SELECT id FROM open_set').pluck().all());
  return {
    write(dirty, { known, storedPosition }) {
      for (const lifespan of dirty.lifespans.values()) {
        writeLifespan(statements, lifespan, storedPosition);
        if (lifespan.gone) {
          noteClass('lifespan', classOf(lifespan.born, lifespan.gone));
        }
      }
      writeCounts(statements, dirty, { known, storedPosition });
      for (const holder of dirty.holders.values()) {
        writeHolder(statements, holder, storedPosition);
        if (holder.to) {
          noteClass('holder', classOf(holder.from, holder.to));
        }
      }
      for (const holder of dirty.holderFacts.values()) {
        statements.describeHolder.run(...toHolderFacts(holder));
      }
      for (const [seq, container] of dirty.containers) {
        const { cgroup, engine, containerId, name, podUid } = container;
        statements.insertContainer.run(seq, cgroup, engine, containerId, name, podUid);
      }
      for (const { lifespan, place, cgroup } of dirty.containerUses) {
        statements.insertContainerUse.run(lifespan, place, cgroup);
      }
      for (const set of dirty.sets.values()) {
        writeSet(statements, set, storedPosition);
      }
      writeOpenSets(statements, storedSets, known.sets);
      for (const [seq, { boot, kernel, anchorUs }] of dirty.boots) {
        statements.insertBoot.run(seq, boot, kernel, anchorUs);
      }
      for (const { fromUs, offsetUs } of dirty.wallOffsets) {
        statements.insertWallOffset.run(fromUs, offsetUs);
      }
      for (const coverage of dirty.coverages) {
        statements.insertCoverage.run(...toCoverageValues(coverage));
      }
      for (const gap of dirty.gaps.values()) {
        writeGap(statements, gap, storedPosition);
      }
      for (const { boot, inum, lives } of dirty.incarnations.values()) {
        statements.upsertIncarnation.run(boot, inum, lives);
      }
      for (const storm of dirty.storms) {
        statements.insertStorm.run(...toStormValues(storm));
      }
      writeCreations({
        lifespans: [...dirty.lifespans.values()].filter(({ id }) => id > storedPosition),
        storms: dirty.storms,
        lastAtUs: known.lastAt,
      });
    },
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: DatabaseHandle) {
  return {
    insertLifespan: db.prepare(toInsert('lifespan', LIFESPAN_COLUMNS)),
    growLifespan: db.prepare(toUpdate('lifespan', LIFESPAN_GROWTH_COLUMNS)),
    endLifespan: db.prepare(
      toUpdate('lifespan', [...LIFESPAN_GROWTH_COLUMNS, ...LIFESPAN_END_COLUMNS]),
    ),
    insertCounts: db.prepare(toInsert('holder_count', ['lifespan', 'holders_now', 'holders_ever'])),
    updateCounts: db.prepare(toUpdate('holder_count', ['holders_now', 'holders_ever'], 'lifespan')),
    insertProcess: db.prepare(toInsert('holder', PROCESS_COLUMNS)),
    insertHolder: db.prepare(toInsert('holder', HOLDER_COLUMNS)),
    loseHolder: db.prepare(toUpdate('holder', HOLDER_LOSS_COLUMNS)),
    describeHolder: db.prepare(toUpdate('holder', HOLDER_FACT_COLUMNS)),
    insertContainer: db.prepare(toInsert('container', CONTAINER_COLUMNS)),
    insertContainerUse: db.prepare(toInsert('container_use', ['lifespan', 'place', 'cgroup'])),
    insertSetMember: db.prepare(toInsert('namespace_set', ['id', 'lifespan', 'counted'])),
    countSet: db.prepare('UPDATE namespace_set SET counted = ? WHERE id = ?'),
    insertOpenSet: db.prepare(toInsert('open_set', ['id'])),
    deleteOpenSet: db.prepare('DELETE FROM open_set WHERE id = ?'),
    insertBoot: db.prepare(toInsert('boot', ['seq', 'boot', 'kernel', 'anchor_us'])),
    insertWallOffset: db.prepare(toInsert('wall_offset', ['from_us', 'offset_us'])),
    insertCoverage: db.prepare(toInsert('coverage', COVERAGE_COLUMNS)),
    insertGap: db.prepare(toInsert('gap', [...GAP_COLUMNS, ...GAP_CLOSED_COLUMNS])),
    closeGap: db.prepare(toUpdate('gap', GAP_CLOSED_COLUMNS, 'seq')),
    insertStorm: db.prepare(toInsert('storm', STORM_COLUMNS)),
    upsertIncarnation: db.prepare(
      `${toInsert('incarnation', ['boot', 'inum', 'lives'])}
       ON CONFLICT (boot, inum) DO UPDATE SET lives = excluded.lives`,
    ),
  };
}

function toInsert(table: string, columns: readonly string[]): string {
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
}

function toUpdate(table: string, columns: readonly string[], key = 'id'): string {
  return `UPDATE ${table} SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE ${key} = ?`;
}

function writeLifespan(statements: Statements, lifespan: Lifespan, storedPosition: number): void {
  const growth = toLifespanGrowth(lifespan);
  if (lifespan.id > storedPosition) {
    statements.insertLifespan.run(
      ...toLifespanBirth(lifespan),
      ...growth,
      ...toLifespanEnd(lifespan),
    );
    statements.insertCounts.run(lifespan.id, lifespan.holdersNow, lifespan.holdersEver);
  } else if (lifespan.gone === null) {
    statements.growLifespan.run(...growth, lifespan.id);
  } else {
    statements.endLifespan.run(...growth, ...toLifespanEnd(lifespan), lifespan.id);
  }
}

/** A lifespan that ended has left the known state, but then it is dirty itself. */
function writeCounts(
  statements: Statements,
  dirty: DirtyRecords,
  { known, storedPosition }: { known: Known; storedPosition: number },
): void {
  const ids = new Set<number>();
  for (const lifespans of dirty.counted) {
    for (const id of lifespans) {
      ids.add(id);
    }
  }
  for (const id of ids) {
    const lifespan = known.lifespans.get(id) ?? dirty.lifespans.get(id);
    if (lifespan && id <= storedPosition) {
      statements.updateCounts.run(lifespan.holdersNow, lifespan.holdersEver, id);
    }
  }
}

function writeHolder(statements: Statements, holder: Holder, storedPosition: number): void {
  if (holder.id > storedPosition) {
    if (holder.kind === 'process') {
      statements.insertProcess.run(...toProcessValues(holder));
    } else {
      statements.insertHolder.run(...toHolderValues(holder));
    }
  } else {
    statements.loseHolder.run(...toHolderLoss(holder));
  }
}

function writeSet(statements: Statements, set: NamespaceSet, storedPosition: number): void {
  if (set.id > storedPosition) {
    for (const lifespan of set.namespaces) {
      statements.insertSetMember.run(set.id, lifespan, set.counted);
    }
  } else {
    statements.countSet.run(set.counted, set.id);
  }
}

/** Brings the stored ids in line; `stored` is what is stored, and is changed with it. */
function writeOpenSets(
  statements: Statements,
  stored: Set<SetId>,
  openSets: ReadonlyMap<SetId, NamespaceSet>,
): void {
  for (const id of stored) {
    if (!openSets.has(id)) {
      statements.deleteOpenSet.run(id);
      stored.delete(id);
    }
  }
  for (const id of openSets.keys()) {
    if (!stored.has(id)) {
      statements.insertOpenSet.run(id);
      stored.add(id);
    }
  }
}

function writeGap(statements: Statements, { gap, closed }: DirtyGap, storedPosition: number): void {
  const closing: SqlValue[] = closed
    ? [closed.seq, closed.recovered, closed.inferred, closed.unknown]
    : [null, null, null, null];
  if (gap.seq > storedPosition) {
    const { seq, source, lost, from, to, reason } = gap;
    statements.insertGap.run(seq, source, lost, from, to, reason, ...closing);
  } else {
    statements.closeGap.run(...closing, gap.seq);
  }
}

const CONTAINER_COLUMNS = [
  'seq',
  'cgroup',
  'engine',
  'container_id',
  'name',
  'pod_uid',
] as const satisfies readonly (keyof ContainerRow)[];

const GAP_COLUMNS = [
  'seq',
  'source',
  'lost',
  'from_us',
  'to_us',
  'reason',
] as const satisfies readonly (keyof GapRow)[];
const GAP_CLOSED_COLUMNS = [
  'closed_seq',
  'recovered',
  'inferred',
  'unknown',
] as const satisfies readonly (keyof GapRow)[];

const COVERAGE_COLUMNS = [
  'seq',
  'source',
  'from_us',
  'to_us',
  'last_scan_us',
  'scans',
  'minimum_lifetime_us',
  'scan_duration_us_max',
  'scan_interval_us_median',
  'processes',
  'complete',
  'unreadable',
  'first_scan_us',
] as const satisfies readonly (keyof CoverageRow)[];

function toCoverageValues({ coverage, fromUs }: DirtyCoverage): SqlValue[] {
  return [
    coverage.seq,
    coverage.source,
    coverage.from,
    coverage.to,
    coverage.lastScan,
    coverage.scans,
    coverage.minimumLifetimeUs,
    coverage.scanDurationUsMax,
    coverage.scanIntervalUsMedian,
    coverage.processes,
    Number(coverage.complete),
    JSON.stringify(coverage.unreadable),
    fromUs,
  ];
}

const STORM_COLUMNS = [
  'seq',
  'type',
  'creator',
  'creator_uid',
  'creator_comm',
  'creators',
  'count',
  'first_kernel_namespace_id',
  'last_kernel_namespace_id',
  'from_us',
  'to_us',
] as const satisfies readonly (keyof StormRow)[];

function toStormValues(storm: Storm): SqlValue[] {
  return [
    storm.seq,
    storm.type,
    toCreatorText(storm.creator),
    storm.creator.uid,
    storm.creator.comm,
    storm.creators,
    storm.count,
    storm.firstKernelNamespaceId,
    storm.lastKernelNamespaceId,
    storm.from,
    storm.to,
  ];
}

/** Remembers which classes are in span_class, and adds those that are not. The class of open intervals always is. */
function prepareSpanClasses(
  db: DatabaseHandle,
): (table: 'lifespan' | 'holder', spanClass: number) => void {
  const insert = db.prepare(
    'INSERT OR IGNORE INTO span_class (table_name, class, width_us) VALUES (?, ?, ?)',
  );
  const stored = {
    lifespan: new Set<number>(),
    holder: new Set<number>(),
  };
  return (table, spanClass) => {
    if (!stored[table].has(spanClass)) {
      insert.run(table, spanClass, toClassWidthUs(spanClass));
      stored[table].add(spanClass);
    }
  };
}
