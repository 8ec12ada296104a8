/** Events together with what the log keeps beside their content: what checking them takes. */
import type { StoredEvent } from '../domain/event.ts';
import type { DatabaseHandle } from './open-database.ts';

export interface StoredLeaf extends StoredEvent {
  readonly batch: number;
  /** Hexadecimal, lower case: a Buffer for each event would take longer than hashing it. Null: it is no BLOB. */
  readonly leaf: string | null;
}

type Columns = [
  seq: number,
  event: string,
  version: number,
  at: number,
  body: string,
  batch: number,
  leaf: string | null,
];

/** A function that reads at most `limit` events from `firstSeq` to `lastSeq`, in order. */
export function prepareLeaves(
  db: DatabaseHandle,
): (firstSeq: number, lastSeq: number, limit: number) => StoredLeaf[] {
  // Arrays: an object for each row takes the driver half as long again.
  const select = db
    .prepare<[number, number, number], Columns>(
      `SELECT seq, event, version, at_us, body, batch,
         CASE typeof(leaf) WHEN 'blob' THEN lower(hex(leaf)) END
       FROM event WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?`,
    )
    .raw();
  return (firstSeq, lastSeq, limit) => select.all(firstSeq, lastSeq, limit).map(toStoredLeaf);
}

function toStoredLeaf([seq, event, version, at, body, batch, leaf]: Columns): StoredLeaf {
  return { seq, event, version, at, body, batch, leaf };
}
