/** The stored tree is the one over the stored leaves, whatever wrote the log, and logs from before it get theirs. */
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { logMigrations } from '../../migrations/index.ts';
import { MerkleFrontier } from '../../src/store/merkle-tree.ts';
import { LOG_PLAN, migrate } from '../../src/store/migrate.ts';
import { createAppender, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { verify, writeLog } from './disk.ts';
import { makeEvents } from './numbered-events.ts';

interface Stored {
  readonly head: { readonly size: number; readonly root: Buffer };
  readonly nodes: readonly string[];
}

/** What the leaves alone say. */
function recompute(path: string): Stored {
  const db = new Database(path, { readonly: true });
  const leaves = db.prepare<[], Buffer>('SELECT leaf FROM event ORDER BY seq').pluck().all();
  db.close();
  const frontier = new MerkleFrontier();
  const nodes: string[] = [];
  frontier.append(Buffer.concat(leaves), (level, index, node) =>
    nodes.push(`${level} ${index} ${node.toString('hex')}`),
  );
  return { head: frontier.head(), nodes: nodes.toSorted() };
}

async function readStored(directory: string): Promise<Stored> {
  const log = await openTestLog(directory);
  const head = log.writer.treeHead();
  log.close();
  const db = new Database(`${directory}/log.db`, { readonly: true });
  const nodes = db
    .prepare<[], string>(
      `SELECT level || ' ' || position || ' ' || lower(hex(hash)) FROM tree_node`,
    )
    .pluck()
    .all();
  db.close();
  return { head, nodes: nodes.toSorted() };
}

describe('the stored tree', () => {
  test('is that of the leaves after every start, and goes on where it ended', async () => {
    using scratch = new Scratch();
    let position = 0;
    for (const [run, sizes] of [[255], [1], [300, 1, 700], [66_000], [3]].entries()) {
      const log = await openTestLog(scratch.path);
      const append = createAppender(log, `run-${run}`);
      for (const size of sizes) {
        append(makeEvents(position + 1, size));
        position += size;
      }
      expect(log.writer.treeHead()).toEqual(recompute(scratch.join('log.db')).head);
      log.close();
    }
    const stored = await readStored(scratch.path);
    expect(stored).toEqual(recompute(scratch.join('log.db')));
    expect(stored.nodes).toHaveLength(Math.floor(position / 256) + 1);
  });

  test('has nothing of a batch that was refused or repeated', async () => {
    using scratch = new Scratch();
    const log = await openTestLog(scratch.path);
    const append = createAppender(log);
    append(makeEvents(1, 250));
    const header = { producer: 'run-2', producerSeq: 1, atUs: 0, wallUs: 0 };
    expect(() => log.writer.appendBatch(makeEvents(300, 20), header)).toThrow(/does not follow/);
    createAppender(log)(makeEvents(1, 250));
    append(makeEvents(251, 20));
    expect(log.writer.treeHead()).toEqual(recompute(scratch.join('log.db')).head);
    log.close();
    expect(await readStored(scratch.path)).toEqual(recompute(scratch.join('log.db')));
  });

  test('cannot be changed, deleted, replaced or added to out of order', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, [600]);
    const db = new Database(scratch.join('log.db'));
    for (const sql of [
      'UPDATE tree_node SET hash = zeroblob(32)',
      'DELETE FROM tree_node',
      'INSERT OR REPLACE INTO tree_node VALUES (8, 1, zeroblob(32))',
      'REPLACE INTO tree_node VALUES (8, 0, zeroblob(32))',
      'INSERT INTO tree_node VALUES (8, 3, zeroblob(32))',
      'INSERT INTO tree_node VALUES (16, 1, zeroblob(32))',
    ]) {
      expect(() => db.exec(sql), sql).toThrow(/append-only/);
    }
    db.close();
  });
});

/** What the first format lacks: its schema is the first migration alone. */
function downgrade(path: string): void {
  const db = new Database(path);
  for (const trigger of ['tree_node_no_update', 'tree_node_no_delete', 'tree_node_at_head']) {
    db.exec(`DROP TRIGGER ${trigger}`);
  }
  db.exec('DROP TABLE tree_node; DROP INDEX event_checkpoint');
  db.exec('DROP TABLE pruned; DROP TABLE retained');
  db.prepare(`DELETE FROM kysely_migration WHERE name <> '0001-log'`).run();
  db.pragma('user_version = 1');
  db.close();
}

function list(from: Database.Database): unknown[] {
  return from.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all();
}

describe('a log of the first format', () => {
  test('as the test makes it has the schema of the first migration', async () => {
    using scratch = new Scratch();
    await writeLog(scratch.path, [3]);
    downgrade(scratch.join('log.db'));
    const first = { '0001-log': logMigrations['0001-log'] } as typeof logMigrations;
    const db = new Database(scratch.join('old.db'));
    await migrate(db, { format: { ...LOG_PLAN.format, version: 1 }, migrations: first });
    const old = new Database(scratch.join('log.db'));
    expect(list(old)).toEqual(list(db));
    db.close();
    old.close();
  });

  test('verifies as it is, is brought up by the next start, and verifies then', async () => {
    using scratch = new Scratch();
    const path = scratch.join('log.db');
    await writeLog(scratch.path, [700, 66_000, 1]);
    downgrade(path);
    expect(await verify(path)).toMatchObject({ verdict: 'self-consistent', events: 66_701 });
    expect(await readStored(scratch.path)).toEqual(recompute(path));
    expect(await verify(path)).toMatchObject({ verdict: 'self-consistent', events: 66_701 });
  });
});
