/**
 * Checks the whole log against itself: every hash, the chain, the numbering, the schema that refuses
 * changes, and that each body can be read.
 *
 * Promises:  `self-consistent` means that nothing in the log contradicts anything else in it. It does not
 *            mean that nobody rewrote all of it: only a hash noted elsewhere before can say that.
 * Does not:  change anything, stop a writer, or look further than the head it found at its start.
 * Proved by: test/store/verify-log.test.ts
 */
import Database from 'better-sqlite3';
import { checkBatch, type ChainEnd, type Fault } from './check-batch.ts';
import type { EventLogReader, SchemaEntry } from './event-log-reader.ts';
import { LOG_PLAN, migrate } from './migrate.ts';

export interface Verification {
  readonly verdict: 'self-consistent' | 'tampered' | 'incomplete';
  /** Events and batches that were checked and found good. */
  readonly events: number;
  readonly batches: number;
  /** Hash of the last good batch, hexadecimal: note it elsewhere, and a later rewrite can be noticed. */
  readonly headHash: string;
  /** The first fault; null when there is none. */
  readonly fault: Omit<Fault, 'verdict'> | null;
}

/** Events read at a time: large enough to be fast, small enough to let the writer's checkpoints through. */
const PAGE_EVENTS = 5_000;

/** Errors: NsauditError `integrity` when SQLite cannot read the file at all. */
export async function verifyLog(reader: EventLogReader): Promise<Verification> {
  const earlyFault = (await findSchemaFault(reader)) ?? findEventBeforeFirst(reader.firstSeq());
  const start: ChainEnd = { batch: 0, hash: reader.metaHash(), position: 0, lastAtUs: 0 };
  if (earlyFault) {
    return conclude(start, earlyFault);
  }
  // In this order: what is appended in between is in a batch that is checked, and its events are none too many.
  const lastSeq = reader.lastSeq();
  const lastBatch = reader.lastBatch();
  let end = start;
  while (end.batch < lastBatch) {
    // From below zero: a batch before the first one is none of ours.
    const after = end.batch === 0 ? Number.MIN_SAFE_INTEGER : end.batch;
    const page = reader.readBatches({ after, eventLimit: PAGE_EVENTS });
    for (const { row, events } of page) {
      const fault = checkBatch(row, events, end);
      if (fault) {
        return conclude(end, fault);
      }
      end = {
        batch: row.batch,
        hash: row.hash,
        position: end.position + events.length,
        lastAtUs: events.at(-1)?.at_us ?? end.lastAtUs,
      };
    }
  }
  return conclude(end, findStrayEvent(end, lastSeq));
}

function findEventBeforeFirst(firstSeq: number): Fault | null {
  return firstSeq >= 1
    ? null
    : {
        batch: null,
        seq: firstSeq,
        what: `event ${firstSeq} is stored, but the first event of a log is 1`,
        verdict: 'tampered',
      };
}

function findStrayEvent(end: ChainEnd, lastSeq: number): Fault | null {
  return lastSeq <= end.position
    ? null
    : {
        batch: null,
        seq: end.position + 1,
        what: `event ${lastSeq} is stored, but the last batch ends with event ${end.position}`,
        verdict: 'incomplete',
      };
}

function conclude(end: ChainEnd, fault: Fault | null): Verification {
  return {
    verdict: fault?.verdict ?? 'self-consistent',
    events: end.position,
    batches: end.batch,
    headHash: end.hash.toString('hex'),
    fault: fault && { batch: fault.batch, seq: fault.seq, what: fault.what },
  };
}

/** Compares the stored schema with what the migrations make: a dropped trigger would let anybody rewrite rows. */
async function findSchemaFault(reader: EventLogReader): Promise<Fault | null> {
  const stored = new Map(reader.readSchema().map((entry) => [entry.name, entry]));
  for (const expected of await listExpectedSchema()) {
    const entry = stored.get(expected.name);
    if (entry?.sql !== expected.sql) {
      const what = `${expected.type} ${expected.name} is ${entry ? 'not as nsaudit makes it' : 'missing'}`;
      return { batch: null, seq: null, what, verdict: entry ? 'tampered' : 'incomplete' };
    }
    stored.delete(expected.name);
  }
  const [extra] = [...stored.values()].filter(({ type }) => type === 'trigger' || type === 'table');
  return extra === undefined
    ? null
    : {
        batch: null,
        seq: null,
        what: `${extra.type} ${extra.name} was added to the log`,
        verdict: 'tampered',
      };
}

async function listExpectedSchema(): Promise<SchemaEntry[]> {
  const db = new Database(':memory:');
  try {
    await migrate(db, LOG_PLAN);
    return db
      .prepare<[], SchemaEntry>(
        `SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name`,
      )
      .all();
  } finally {
    db.close();
  }
}
