/** What a forger with write access and knowledge of the hashes can do to a log. */
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';
import type { BatchRow, EventRow } from '../../src/store/database-schema.ts';

/** SQL, or something that SQL cannot do. */
export type Change = string | ((db: Database.Database) => void);

/** Makes changes without the triggers, and puts these back exactly as they were. */
export function tamper(logPath: string, changes: readonly Change[]): void {
  const db = new Database(logPath);
  db.pragma('foreign_keys = OFF');
  const triggers = db
    .prepare<[], { name: string; sql: string }>(
      `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`,
    )
    .all();
  triggers.forEach(({ name }) => db.exec(`DROP TRIGGER ${name}`));
  for (const change of changes) {
    if (typeof change === 'string') {
      db.exec(change);
    } else {
      change(db);
    }
  }
  triggers.forEach(({ sql }) => db.exec(sql));
  db.close();
}

/** Changes the values of columns to types that STRICT and CHECK refuse, and leaves the schema as it was. */
export function retype(logPath: string, change: string): void {
  setStrict(logPath, ') STRICT', ')');
  tamper(logPath, ['PRAGMA ignore_check_constraints = ON', change]);
  setStrict(logPath, ')', ') STRICT');
}

function setStrict(logPath: string, from: string, to: string): void {
  const db = new Database(logPath);
  db.unsafeMode(true);
  db.pragma('writable_schema = ON');
  db.exec(
    `UPDATE sqlite_schema SET sql = substr(sql, 1, length(sql) - ${from.length}) || '${to}'
     WHERE name IN ('event', 'batch') AND sql LIKE '%${from}'`,
  );
  db.close();
}

/** Another body under the old leaf. */
export function edit(seq: number): Change {
  return `UPDATE event SET body = json_set(body, '$.reason', 'other') WHERE seq = ${seq}`;
}

/** The leaf that fits what the event holds now. */
export function rehashEvent(seq: number): Change {
  return (db) => {
    const row = db.prepare<[number], EventRow>('SELECT * FROM event WHERE seq = ?').get(seq);
    if (row) {
      const { version, at_us: atUs, event, body } = row;
      const text = `${seq}\n${version}\n${atUs}\n${event.length}\n${event}${body}`;
      const leaf = sha256(Buffer.of(0), text);
      db.prepare('UPDATE event SET leaf = ? WHERE seq = ?').run(leaf, seq);
    }
  };
}

/** What the first batch continues. */
function metaHash(db: Database.Database): Buffer {
  const rows = db
    .prepare<[], { key: string; value: string }>('SELECT key, value FROM meta ORDER BY key')
    .all();
  const text = rows.map(({ key, value }) => `${key.length}\n${key}${value.length}\n${value}`);
  return sha256(Buffer.of(2), ...text);
}

/** Continues the batch before as it is now, with the hash that fits what this batch holds now. */
export function rehashBatch(batch: number): Change {
  return (db) => {
    const find = db.prepare<[number], BatchRow>('SELECT * FROM batch WHERE batch = ?');
    const row = find.get(batch);
    if (row) {
      const previous = find.get(batch - 1)?.hash ?? metaHash(db);
      const leaves = db
        .prepare<[number], Buffer>('SELECT leaf FROM event WHERE batch = ? ORDER BY seq')
        .pluck()
        .all(batch);
      const { producer, producer_seq, first_seq, event_count, at_us, wall_us } = row;
      const numbers = [batch, producer_seq, first_seq, event_count, at_us, wall_us].join('\n');
      const text = `${numbers}\n${producer.length}\n${producer}`;
      const hash = sha256(Buffer.of(1), text, previous, ...leaves);
      db.prepare('UPDATE batch SET prev_hash = ?, hash = ? WHERE batch = ?').run(
        previous,
        hash,
        batch,
      );
    }
  };
}

function sha256(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  parts.forEach((part) => hash.update(part));
  return hash.digest();
}
