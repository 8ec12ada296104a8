/**
 * The hashes of the log: one leaf for each event over what is stored of it, one hash for each batch over
 * its header, the hash of the batch before, and its leaves.
 *
 * SHA-256 of a first byte that keeps the two kinds apart (RFC 6962 section 2.1: 0 for a leaf, 1 for a
 * node), then decimal numbers each ended by a newline, then texts of which all but the last carry their
 * length. No two different rows have the same bytes.
 */
import { createHash, hash } from 'node:crypto';
import type { StoredEvent } from '../domain/event.ts';
import type { BatchRow, MetaRow, RetainedRow } from './database-schema.ts';

export const HASH_BYTES = 32;

/**
 * What stands where the first batch has no predecessor: a hash of what the log says about itself, so that
 * host and log id are part of the chain. Rows in order of their key.
 */
export function hashMeta(rows: readonly MetaRow[]): Buffer {
  const text = rows
    .map(({ key, value }) => `${key.length}\n${key}${value.length}\n${value}`)
    .join('');
  return hash('sha256', `\u0002${text}`, 'buffer');
}

export type BatchHeaderRow = Omit<BatchRow, 'hash'>;

/** Lengths are in UTF-16 code units, as JavaScript counts them; the bytes hashed are UTF-8. */
export function hashLeaf({ seq, version, at, event, body }: StoredEvent): Buffer {
  return Buffer.from(hashLeafToHex({ seq, version, at, event, body }), 'hex');
}

/** The leaves of a batch, one after the other: each has HASH_BYTES bytes. */
export function hashLeaves(events: readonly StoredEvent[]): Buffer {
  // Hexadecimal on the way: crypto makes a text in half the time that it makes a Buffer in.
  return Buffer.from(events.map(hashLeafToHex).join(''), 'hex');
}

/** The same in hexadecimal, lower case. */
export function hashLeafToHex(stored: StoredEvent): string {
  return hash('sha256', `\u0000${toLeafText(stored)}`, 'hex');
}

/** What a leaf is the hash of, after the byte 0: in RFC 6962 the data of the leaf. */
export function toLeafText({ seq, version, at, event, body }: StoredEvent): string {
  return `${seq}\n${version}\n${at}\n${event.length}\n${event}${body}`;
}

/** `leaves` are those of the batch's events, in order, one after the other. */
export function hashBatch(header: BatchHeaderRow, leaves: Buffer): Buffer {
  const { batch, producer, producer_seq, first_seq, event_count, at_us, wall_us } = header;
  const numbers = [batch, producer_seq, first_seq, event_count, at_us, wall_us];
  const text = `\u0001${numbers.join('\n')}\n${producer.length}\n${producer}`;
  return hash('sha256', Buffer.concat([Buffer.from(text), header.prev_hash, leaves]), 'buffer');
}

/** Of what was kept of removed events. Rows in order of their key, as SQLite has them. */
export function hashRetained(rows: readonly RetainedRow[]): Buffer {
  const made = createHash('sha256').update(Buffer.of(3));
  for (const { record, id, body } of rows) {
    made.update(`${id}\n${record.length}\n${record}${body.length}\n${body}`);
  }
  return made.digest();
}
