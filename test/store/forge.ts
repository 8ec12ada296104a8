/** What somebody can do who has the program, may write the log, and may have its key. */
import Database from 'better-sqlite3';
import {
  fromStoredEvent,
  toStoredEvent,
  type AuditEvent,
  type EventOf,
} from '../../src/domain/event.ts';
import { originOf, signCheckpoint } from '../../src/store/checkpoint-note.ts';
import type { BatchRow, EventRow, MetaRow } from '../../src/store/database-schema.ts';
import { hashBatch, hashLeaves, hashMeta } from '../../src/store/log-hash.ts';
import { MerkleFrontier } from '../../src/store/merkle-tree.ts';
import type { Signer } from '../../src/store/signed-note.ts';
import { tamper, type Change } from './tamper.ts';

/**
 * Changes events and makes everything fit again with the program's own functions: leaves, batches, the hash
 * tree, and the recorded checkpoints, which are signed anew.
 */
export function rewriteLog(
  logPath: string,
  signer: Signer,
  change: (event: AuditEvent) => AuditEvent,
): void {
  tamper(logPath, [
    (db) => {
      const meta = db.prepare<[], MetaRow>('SELECT key, value FROM meta ORDER BY key').all();
      const value = (wanted: string) => meta.find(({ key }) => key === wanted)?.value ?? '';
      const origin = originOf({ host: value('host'), logId: value('log_id') });
      const frontier = new MerkleFrontier();
      const roots = new Map<number, Buffer>();
      let previous = hashMeta(meta);
      db.exec('DELETE FROM tree_node');
      for (const row of db.prepare<[], BatchRow>('SELECT * FROM batch ORDER BY batch').all()) {
        roots.set(frontier.size, frontier.root());
        const events = listEvents(db, row.batch).map((event) =>
          event.event === 'checkpoint.published'
            ? signAnew(event, roots.get(event.size) ?? frontier.root(), { origin, signer })
            : change(event),
        );
        const leaves = writeEvents(db, events);
        const hash = hashBatch({ ...row, prev_hash: previous }, leaves);
        db.prepare('UPDATE batch SET prev_hash = ?, hash = ? WHERE batch = ?').run(
          previous,
          hash,
          row.batch,
        );
        previous = hash;
        frontier.append(leaves, (level, position, node) =>
          db.prepare('INSERT INTO tree_node VALUES (?, ?, ?)').run(level, position, node),
        );
      }
    },
  ]);
}

function signAnew(
  event: EventOf<'checkpoint.published'>,
  root: Buffer,
  { origin, signer }: { origin: string; signer: Signer },
): AuditEvent {
  const note = signCheckpoint({ size: event.size, root, origin }, signer);
  return { ...event, root: root.toString('base64'), note };
}

function listEvents(db: Database.Database, batch: number): AuditEvent[] {
  return db
    .prepare<[number], EventRow>('SELECT * FROM event WHERE batch = ? ORDER BY seq')
    .all(batch)
    .map((row) => fromStoredEvent({ ...row, at: row.at_us }));
}

/** Returns the leaves. */
function writeEvents(db: Database.Database, events: readonly AuditEvent[]): Buffer {
  const update = db.prepare('UPDATE event SET body = ?, leaf = ? WHERE seq = ?');
  return Buffer.concat(
    events.map((event) => {
      const stored = toStoredEvent(event);
      const leaf = hashLeaves([stored]);
      update.run(stored.body, leaf, stored.seq);
      return leaf;
    }),
  );
}

/** Two rows exchange what they hold in one column. */
export function exchange(
  { table, key, column }: { table: 'event' | 'batch'; key: 'seq' | 'batch'; column: string },
  one: number,
  other: number,
): Change {
  return (db) => {
    const select = db
      .prepare<[number], unknown>(`SELECT ${column} FROM ${table} WHERE ${key} = ?`)
      .pluck();
    const [ofOne, ofOther] = [select.get(one), select.get(other)];
    const update = db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`);
    if (key === column) {
      update.run(-1, one);
    }
    update.run(ofOne, other);
    update.run(ofOther, key === column ? -1 : one);
  };
}

/** Cuts the log behind an event, which has to be the last one of its batch, with all that tells of more. */
export function cutBehind(seq: number): Change[] {
  return [
    `DELETE FROM event WHERE seq > ${seq}`,
    `DELETE FROM batch WHERE first_seq > ${seq}`,
    `DELETE FROM tree_node WHERE (position + 1) << level > ${seq}`,
  ];
}

/** SQL on the log as it is, with every trigger that is there. */
export function execute(logPath: string, sql: string): void {
  const db = new Database(logPath);
  try {
    db.unsafeMode(true);
    db.exec(sql);
  } finally {
    db.close();
  }
}
