/**
 * Checks the whole log: every hash, the chain, the numbering, the hash tree, recorded checkpoints, the schema
 * that refuses changes, that each body can be read, and what SQLite itself can tell of its file; and
 * compares it with checkpoints that were kept elsewhere.
 *
 * Promises:  `verified` means that somebody outside of the log vouches for it up to a size; `self-consistent`
 *            that nothing in the log contradicts anything else in it, which whoever can write it could bring
 *            about by writing all of it anew.
 * Does not:  change anything, stop a writer, or look further than the head it found at its start.
 * Proved by: test/store/verify-log.test.ts, test/store/verify-checkpoints.test.ts
 */
import { NsauditError } from '../domain/errors.ts';
import { checkBatch, type ChainEnd, type Fault } from './check-batch.ts';
import { originOf } from './checkpoint-note.ts';
import type { EventLogReader, StoredBatch } from './event-log-reader.ts';
import type { OnProgress } from './progress.ts';
import { NO_TRUST, CheckpointCheck, type Trust, type Witness } from './verify-checkpoints.ts';
import { findCutFault, findEventBeforeFirst, startOf } from './verify-cut.ts';
import { findSchemaFault } from './verify-schema.ts';
import { startTreeCheck, type TreeCheck } from './verify-tree.ts';

export interface Verification {
  readonly verdict: 'verified' | 'self-consistent' | 'incomplete' | 'tampered';
  /** Up to which event and batch everything was checked and found good. */
  readonly events: number;
  readonly batches: number;
  /** How many of them have been pruned: of these only hashes are left, which those that follow continue. */
  readonly pruned: { readonly events: number; readonly batches: number } | null;
  /** Hash of the last good batch, hexadecimal. */
  readonly headHash: string;
  /** The name of the log in its checkpoints. */
  readonly origin: string;
  /** Root of the hash tree over the good events, base64: what a checkpoint of that size says. */
  readonly root: string;
  readonly checkpoints: CheckpointCheck['recorded'];
  /** Who vouches for the log, and up to which size; null when nobody does. */
  readonly witness: Witness | null;
  /** The first fault; null when there is none. */
  readonly fault: Omit<Fault, 'verdict'> | null;
}

/**
 * Events read at a time: few enough that the garbage collector finds them dead before it has moved them, and that
 * the writer's checkpoints get through.
 */
const PAGE_EVENTS = 1_000;

interface Checks {
  readonly reader: EventLogReader;
  readonly origin: string;
  readonly tree: TreeCheck;
  readonly checkpoints: CheckpointCheck;
}

/** Errors: NsauditError `busy`, `io` and `unavailable` as the store says. Damage is a fault, not an error. */
export async function verifyLog(
  reader: EventLogReader,
  trust: Trust = NO_TRUST,
  onProgress?: OnProgress,
): Promise<Verification> {
  const origin = originOf(reader);
  const checks = startChecks(reader, origin, trust);
  const start = startOf(reader);
  const schema = await findSchemaFault(reader.readSchema(), reader.formatVersion());
  const early = findEventBeforeFirst(reader.firstSeq(), start.position + 1);
  const { end, fault } = early ? { end: start, fault: early } : walk(checks, start, onProgress);
  return conclude(checks, end, fault && schema ? both(fault, schema) : (fault ?? schema));
}

/** A schema that lets rows be changed, and the first row that was. */
function both(fault: Fault, schema: Fault): Fault {
  const isTampered = [fault, schema].some(({ verdict }) => verdict === 'tampered');
  const what = `${fault.what}; and ${schema.what}`;
  return { ...fault, what, verdict: isTampered ? 'tampered' : 'incomplete' };
}

function startChecks(reader: EventLogReader, origin: string, trust: Trust): Checks {
  const wanted = new Set([
    ...listRecordedSizes(reader),
    ...trust.checkpoints.map(({ size }) => size),
  ]);
  const tree = startTreeCheck(reader, wanted);
  const checkpoints = new CheckpointCheck(origin, trust, {
    rootAt: (size) => tree.rootAt(size),
    isCut: reader.cut() !== null,
  });
  return { reader, origin, tree, checkpoints };
}

/** From an index, to keep the roots as they are passed; a damaged one is found by the check of the file. */
function listRecordedSizes(reader: EventLogReader): readonly number[] {
  try {
    return reader.readCheckpointSizes();
  } catch (error) {
    if (error instanceof NsauditError && error.code === 'integrity') {
      return [];
    }
    throw error;
  }
}

interface Walked {
  readonly end: ChainEnd;
  readonly fault: Fault | null;
}

/** Batch by batch up to the end as it is now. */
function walk(checks: Checks, start: ChainEnd, onProgress: OnProgress | undefined): Walked {
  const { reader, tree, checkpoints } = checks;
  // In this order: what is appended in between is in a batch that is checked, and its events are none too many.
  const lastSeq = reader.lastSeq();
  const lastBatch = reader.lastBatch();
  let end = start;
  const damage = findDamage(
    () => end,
    () => {
      while (end.batch < lastBatch) {
        // From below zero: a batch before the first one is none of ours.
        const after = end === start ? Number.MIN_SAFE_INTEGER : end.batch;
        for (const batch of reader.readBatches({ after, eventLimit: PAGE_EVENTS })) {
          const checked = checkBatch(batch.row, batch.events, end);
          if ('verdict' in checked) {
            return checked;
          }
          const fault = checkRecorded(checkpoints, batch, checked.published);
          if (fault) {
            return fault;
          }
          tree.append(checked.leaves);
          ({ end } = checked);
        }
        onProgress?.(end.position, lastSeq);
      }
      return (
        findStrayEvent(end, lastSeq) ??
        findCutFault(reader, tree) ??
        tree.findStoredFault() ??
        findFileFault(reader)
      );
    },
  );
  const kept = findDamage(
    () => end,
    () => checkpoints.compare(end.position),
  );
  return { end, fault: earlier(end, damage, kept) };
}

function checkRecorded(
  checkpoints: CheckpointCheck,
  { row }: StoredBatch,
  published: readonly Parameters<CheckpointCheck['add']>[0][],
): Fault | null {
  for (const event of published) {
    const fault = checkpoints.add(event, row.batch, row.first_seq - 1);
    if (fault) {
      return fault;
    }
  }
  return null;
}

/** A page that SQLite cannot make sense of is a fault at the place that was to be read next. */
function findDamage(endOf: () => ChainEnd, find: () => Fault | null): Fault | null {
  try {
    return find();
  } catch (error) {
    if (error instanceof NsauditError && error.code === 'integrity') {
      const { batch, position } = endOf();
      return { batch: batch + 1, seq: position + 1, what: error.message, verdict: 'tampered' };
    }
    throw error;
  }
}

/** A checkpoint that was kept may show a change before the fault at which the walk ended. */
function earlier(end: ChainEnd, walked: Fault | null, kept: Fault | null): Fault | null {
  if (walked === null || kept === null) {
    return walked ?? kept;
  }
  const isBefore =
    kept.verdict === 'tampered' &&
    kept.seq !== null &&
    kept.seq <= (walked.seq ?? end.position + 1);
  return isBefore ? kept : walked;
}

/** What no row shows: indexes, pages that are not used, values of another type. */
function findFileFault(reader: EventLogReader): Fault | null {
  const found = reader.checkFile();
  return found === null
    ? null
    : {
        batch: null,
        seq: null,
        what: `SQLite finds its file damaged: ${found}`,
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

function conclude(
  { reader, origin, tree, checkpoints }: Checks,
  end: ChainEnd,
  fault: Fault | null,
): Verification {
  const { witness } = checkpoints;
  const cut = reader.cut();
  return {
    verdict: fault?.verdict ?? (witness === null ? 'self-consistent' : 'verified'),
    events: end.position,
    batches: end.batch,
    pruned: cut && { events: cut.lastSeq, batches: cut.lastBatch },
    headHash: end.hash.toString('hex'),
    origin,
    root: tree.head().root.toString('base64'),
    checkpoints: { ...checkpoints.recorded },
    witness,
    fault: fault && { batch: fault.batch, seq: fault.seq, what: fault.what },
  };
}
