/**
 * One event with the proof that a log holds it, for somebody who has nothing else of the log.
 *
 * Source: c2sp.org/tlog-proof. The extra line has the bytes that were hashed, so that the file says which
 * event it is about; they are worth nothing until their hash has led to the root.
 */
import { NsauditError } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/event.ts';
import { parseCheckpoint, readNewestCheckpoint, type Checkpoint } from './checkpoint-note.ts';
import type { EventLogReader } from './event-log-reader.ts';
import { requireNotPruned } from './log-cut.ts';
import { hashLeaf, toLeafText } from './log-hash.ts';
import { proveInclusion, verifyInclusion } from './merkle-proof.ts';
import { parseNote } from './signed-note.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';

export interface EventProof {
  readonly event: StoredEvent;
  /** Index of its leaf, from 0: its seq less one. */
  readonly index: number;
  readonly path: readonly Buffer[];
  /** The signed note of the checkpoint that covers it. */
  readonly note: string;
}

/**
 * Proves that the newest checkpoint covers an event.
 *
 * Errors: NsauditError `usage` when there is no such event, `pruned` when there may have been, `unavailable` when no checkpoint covers it yet.
 */
export function proveEvent(reader: EventLogReader, seq: number): EventProof {
  const [event] = reader.readEvents({ after: seq - 1, limit: 1 });
  if (event?.seq !== seq) {
    requireNotPruned(reader, seq);
    throw new NsauditError(
      'usage',
      `there is no event ${seq} in the log: it has events 1 to ${reader.head().position}.`,
    );
  }
  const checkpoint = readNewestCheckpoint(reader);
  if (checkpoint === undefined || checkpoint.size < seq) {
    const what = checkpoint ? `the newest covers ${checkpoint.size} events` : 'there is none';
    throw new NsauditError(
      'unavailable',
      `no checkpoint covers event ${seq} yet, ${what}; the collector signs them when it has a key (collect --checkpoint-key).`,
    );
  }
  const path = proveInclusion(reader.nodeAt, seq - 1, checkpoint.size);
  return { event, index: seq - 1, path, note: checkpoint.note };
}

export function formatProof({ event, index, path, note }: EventProof): string {
  const extra = Buffer.from(toLeafText(event)).toString('base64');
  const lines = path.map((hash) => `${hash.toString('base64')}\n`);
  return `${HEADER}\nextra ${extra}\nindex ${index}\n${lines.join('')}\n${note}`;
}

/** Undefined for what is no proof of an event. */
export function parseProof(text: string): EventProof | undefined {
  const match =
    /^c2sp\.org\/tlog-proof@v1\nextra ([A-Za-z\d+/]+={0,2})\nindex (0|[1-9]\d*)\n((?:[A-Za-z\d+/]{43}=\n)*)\n([^]+)$/.exec(
      text,
    );
  const event = match && parseLeafText(Buffer.from(match[1] ?? '', 'base64').toString('utf8'));
  if (!match || !event) {
    return undefined;
  }
  const lines = (match[3] ?? '').split('\n').filter((line) => line !== '');
  return {
    event,
    index: Number(match[2]),
    path: lines.map((line) => Buffer.from(line, 'base64')),
    note: match[4] ?? '',
  };
}

function parseLeafText(text: string): StoredEvent | undefined {
  const match = /^(\d+)\n(\d+)\n(-?\d+)\n(\d+)\n([^]*)$/.exec(text);
  const rest = match?.[5] ?? '';
  const length = Number(match?.[4]);
  return match === null
    ? undefined
    : {
        seq: Number(match[1]),
        version: Number(match[2]),
        at: Number(match[3]),
        event: rest.slice(0, length),
        body: rest.slice(length),
      };
}

/** What is wrong with a proof, or the checkpoint that it fits. Who signed that is another question. */
export function checkProof({ event, index, path, note }: EventProof): Checkpoint | string {
  const parsed = parseNote(note);
  const checkpoint = parsed && parseCheckpoint(parsed.text);
  if (checkpoint === undefined) {
    return 'its checkpoint is no signed note';
  }
  if (event.seq !== index + 1) {
    return `event ${event.seq} stands at index ${index}`;
  }
  return verifyInclusion({ leaf: hashLeaf(event), index, path }, checkpoint)
    ? checkpoint
    : `event ${event.seq} does not lead to the root of the checkpoint of size ${checkpoint.size}`;
}
