/** Whether one stored batch is what its hashes say, and follows the one before. */
import {
  fromStoredEvent,
  type AuditEvent,
  type EventOf,
  type StoredEvent,
} from '../domain/event.ts';
import type { BatchRow } from './database-schema.ts';
import { hashBatch, hashLeafToHex } from './log-hash.ts';
import type { StoredLeaf } from './stored-leaf.ts';

/** The first thing found wrong, and where. */
export interface Fault {
  readonly batch: number | null;
  readonly seq: number | null;
  readonly what: string;
  /** `tampered`: stored bytes are not those that were hashed. `incomplete`: something that must be there is not. */
  readonly verdict: 'tampered' | 'incomplete';
}

/** The end of what has been checked. */
export interface ChainEnd {
  readonly batch: number;
  readonly hash: Buffer;
  /** seq of the last event. */
  readonly position: number;
  readonly lastAtUs: number;
}

/** A batch that is as its hashes say. */
export interface CheckedBatch {
  readonly end: ChainEnd;
  /** One after the other. */
  readonly leaves: Buffer;
  /** The checkpoints in it. */
  readonly published: readonly EventOf<'checkpoint.published'>[];
}

/** `events` are all events from the batch's first seq on, as far as they belong to it, in seq order. */
export function checkBatch(
  row: BatchRow,
  events: readonly StoredLeaf[],
  previous: ChainEnd,
): CheckedBatch | Fault {
  const { batch } = row;
  if (batch !== previous.batch + 1) {
    return missing(previous.batch + 1, null, `batch ${previous.batch + 1} is missing`);
  }
  if (!isTypedBatch(row)) {
    return tampered(batch, null, `batch ${batch} holds a value that its column cannot hold`);
  }
  if (!row.prev_hash.equals(previous.hash)) {
    return tampered(batch, null, `batch ${batch} does not continue batch ${previous.batch}`);
  }
  if (row.first_seq !== previous.position + 1) {
    return missing(
      batch,
      previous.position + 1,
      `batch ${batch} begins at event ${row.first_seq}, not at ${previous.position + 1}`,
    );
  }
  const checked = checkEvents(row, events, previous.lastAtUs);
  if ('verdict' in checked) {
    return checked;
  }
  const { leaves, published, lastAtUs } = checked;
  const { hash } = row;
  const position = previous.position + events.length;
  return hashBatch(row, leaves).equals(hash)
    ? { end: { batch, hash, position, lastAtUs }, leaves, published }
    : tampered(batch, null, `the hash of batch ${batch} does not fit its content`);
}

type CheckedEvents = Omit<CheckedBatch, 'end'> & Pick<ChainEnd, 'lastAtUs'>;

function checkEvents(
  row: BatchRow,
  events: readonly StoredLeaf[],
  previousUs: number,
): CheckedEvents | Fault {
  const { batch } = row;
  const fault = findLeafFault(row, events);
  if (fault) {
    return fault;
  }
  const published: EventOf<'checkpoint.published'>[] = [];
  let lastAtUs = previousUs;
  let leaves = '';
  for (const stored of events) {
    const { seq, at, leaf } = stored;
    if (at < lastAtUs) {
      return tampered(batch, seq, `event ${seq} is earlier than the one before it`);
    }
    lastAtUs = at;
    const event = readEvent(stored);
    if (typeof event === 'string') {
      return tampered(batch, seq, event);
    }
    if (event.event === 'checkpoint.published') {
      published.push(event);
    }
    leaves += leaf;
  }
  return { leaves: Buffer.from(leaves, 'hex'), published, lastAtUs };
}

/** Whether every event is there, of the right types, and has the hash of its content. */
function findLeafFault(row: BatchRow, events: readonly StoredLeaf[]): Fault | null {
  const { batch, first_seq: firstSeq, event_count: count } = row;
  let seq = firstSeq;
  for (const stored of events) {
    if (stored.seq !== seq || stored.batch !== batch || !isTypedEvent(stored)) {
      break;
    }
    if (hashLeafToHex(stored) !== stored.leaf) {
      return tampered(batch, seq, `the hash of event ${seq} does not fit its content`);
    }
    seq += 1;
  }
  const good = seq - firstSeq;
  if (good >= count) {
    return good === count && good === events.length
      ? null
      : tampered(batch, firstSeq + count, `batch ${batch} has more events than it says`);
  }
  const next = events[good];
  return next?.seq === seq && next.batch === batch
    ? tampered(batch, seq, `event ${seq} holds a value that its column cannot hold`)
    : missing(batch, seq, `event ${seq} is missing from batch ${batch}`);
}

/** The event, or why it cannot be read. */
function readEvent(stored: StoredEvent): AuditEvent | string {
  try {
    return fromStoredEvent(stored);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * SQLite refuses a value of the wrong type when it is written, not when it is read. Bytes that say what a
 * text said would have its hash too.
 */
function isTypedEvent({ version, at, event, body, leaf }: StoredLeaf): boolean {
  return (
    Number.isSafeInteger(version) &&
    Number.isSafeInteger(at) &&
    typeof event === 'string' &&
    typeof body === 'string' &&
    leaf !== null
  );
}

function isTypedBatch(row: BatchRow): boolean {
  const { producer, producer_seq, first_seq, event_count, at_us, wall_us, prev_hash, hash } = row;
  return (
    [producer_seq, first_seq, event_count, at_us, wall_us].every(Number.isSafeInteger) &&
    typeof producer === 'string' &&
    Buffer.isBuffer(prev_hash) &&
    Buffer.isBuffer(hash)
  );
}

function tampered(batch: number, seq: number | null, what: string): Fault {
  return { batch, seq, what, verdict: 'tampered' };
}

function missing(batch: number, seq: number | null, what: string): Fault {
  return { batch, seq, what, verdict: 'incomplete' };
}
