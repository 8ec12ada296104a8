/**
 * What `nsaudit verify` answers when somebody who may write it has changed a log by hand: verdict, exit status
 * and the place of the first fault.
 *
 * Real: the log of a collector that ran three times with a key, every change (SQL, with the triggers taken away
 * and put back, or with the program's own functions), and the command. Modelled: the proc tree.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { toSigner, type Signer } from '../../src/store/signed-note.ts';
import { ProcCollector } from '../collector/proc-collector.ts';
import { makeKey } from '../store/checkpoints.ts';
import { cutBehind, exchange, execute, rewriteLog } from '../store/forge.ts';
import { edit, rehashBatch, rehashEvent, tamper, type Change } from '../store/tamper.ts';
import { Scratch } from '../support/state-on-disk.ts';
import { runWords } from './run-words.ts';

interface Batch {
  readonly batch: number;
  readonly first: number;
  readonly last: number;
}

/** Where things are in the log that the tests change. */
interface Places {
  /** A batch of many births, from the second of three runs, and one of the third run. */
  readonly middle: Batch;
  readonly later: Batch;
  readonly end: Batch;
  readonly signer: Signer;
}

interface Answer {
  readonly verdict: string;
  readonly events: number;
  readonly fault: { batch: number | null; seq: number | null; what: string } | null;
}

const RUNS = 3;
const privateKey = makeKey();
const notes: string[] = [];
let collector: ProcCollector;
let places: Places;

beforeAll(async () => {
  collector = new ProcCollector();
  const checkpoints = {
    privateKey,
    intervalMs: 3_600_000,
    file: null,
    witnessUrls: [],
    witnessKeys: [],
    onNote: (note: string) => notes.push(note),
  };
  for (let round = 0; round < RUNS; round += 1) {
    // Enough for whole subtrees of the hash tree that are stored.
    const count = round === 0 ? 0 : 120;
    for (let index = 0; index < count; index += 1) {
      const pid = 1_000 * round + index;
      collector.tree.addProcess(pid, { links: { net: 4_026_600_000 + pid } });
    }
    await collector.run({ once: true, checkpoints });
  }
  places = findPlaces();
  writeFileSync(collector.join('key.pub'), `${places.signer.verifier.text}\n`);
  writeFileSync(collector.join('newest.note'), notes.at(-1) ?? '');
}, 60_000);

afterAll(() => collector[Symbol.dispose]());

function findPlaces(): Places {
  const db = new Database(`${collector.stateDirectory}/log.db`, { readonly: true });
  const batches = db
    .prepare<[], Batch>(
      'SELECT batch, first_seq AS first, first_seq + event_count - 1 AS last FROM batch ORDER BY batch',
    )
    .all();
  const meta = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck();
  const origin = `nsaudit/${meta.get('host')}/${meta.get('log_id')}`;
  expect(db.prepare('SELECT count(*) FROM tree_node').pluck().get()).toBeGreaterThan(0);
  db.close();
  const [middle, later] = batches.filter(({ first, last }) => last - first > 200);
  const end = batches.at(-1);
  if (!middle || !later || !end) {
    throw new Error('the collector wrote other batches than these tests are about');
  }
  return { middle, later, end, signer: toSigner(origin, privateKey) };
}

/** A copy of the state directory for one test. */
function copyState(scratch: Scratch): string {
  cpSync(collector.stateDirectory, scratch.path, { recursive: true });
  return scratch.join('log.db');
}

async function verify(logPath: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = await runWords(['verify', logPath, '-o', 'json', ...words]);
  const { verdict, events, fault } = JSON.parse(stdout) as Answer;
  return { status, verdict, events, fault, stderr };
}

function withNote(name = 'newest.note'): string[] {
  return ['--checkpoint', collector.join(name), '--public-key', collector.join('key.pub')];
}

type Deed = (places: Places, logPath: string) => readonly Change[];
type Verdict = readonly [status: number, verdict: string];
const VERIFIED: Verdict = [0, 'verified'];
const SELF_CONSISTENT: Verdict = [0, 'self-consistent'];
const TAMPERED: Verdict = [4, 'tampered'];
const INCOMPLETE: Verdict = [5, 'incomplete'];

type Tampering = readonly [
  title: string,
  deed: Deed,
  verdict: Verdict,
  /** Of the first fault: batch and event. */
  place: (places: Places) => readonly [batch: number | null, seq: number | null],
];

const SEQ = { table: 'event', key: 'seq' } as const;
const TRIGGER_TEXT = 'BEFORE DELETE ON event BEGIN';

const FOUND_ALONE: readonly Tampering[] = [
  [
    'an edited body is found at its event',
    ({ middle }) => [edit(middle.first + 7)],
    TAMPERED,
    ({ middle }) => [middle.batch, middle.first + 7],
  ],
  [
    'two rows that exchange bodies are found at the first of them',
    ({ middle }) => [exchange({ ...SEQ, column: 'body' }, middle.first + 2, middle.last - 1)],
    TAMPERED,
    ({ middle }) => [middle.batch, middle.first + 2],
  ],
  [
    'two rows of different batches that exchange bodies are found at the first of them',
    ({ middle, later }) => [exchange({ ...SEQ, column: 'body' }, middle.last, later.first)],
    TAMPERED,
    ({ middle }) => [middle.batch, middle.last],
  ],
  [
    'two rows that exchange ids are found at the first of them',
    ({ middle }) => [exchange({ ...SEQ, column: 'seq' }, middle.first + 3, middle.first + 9)],
    TAMPERED,
    ({ middle }) => [middle.batch, middle.first + 3],
  ],
  [
    'two rows that exchange hashes are found at the first of them',
    ({ middle }) => [exchange({ ...SEQ, column: 'leaf' }, middle.first + 1, middle.first + 2)],
    TAMPERED,
    ({ middle }) => [middle.batch, middle.first + 1],
  ],
  [
    'two rows that exchange bodies, with hashes that fit, are found at their batch',
    ({ middle: { first } }) => [
      exchange({ ...SEQ, column: 'body' }, first + 1, first + 2),
      rehashEvent(first + 1),
      rehashEvent(first + 2),
    ],
    TAMPERED,
    ({ middle }) => [middle.batch, null],
  ],
  [
    'two batches that exchange hashes are found at the first of them',
    ({ middle, later }) => [
      exchange({ table: 'batch', key: 'batch', column: 'hash' }, middle.batch, later.batch),
    ],
    TAMPERED,
    ({ middle }) => [middle.batch, null],
  ],
  [
    'a cut tail is found at the first event that is missing',
    ({ later }) => [`DELETE FROM event WHERE seq > ${later.last - 5}`],
    INCOMPLETE,
    ({ later }) => [later.batch, later.last - 4],
  ],
  [
    'a last batch that was deleted is found at the first event that it leaves',
    ({ end }) => [`DELETE FROM batch WHERE batch = ${end.batch}`],
    INCOMPLETE,
    ({ end }) => [null, end.first],
  ],
  [
    'a row that INSERT OR REPLACE put there, with its trigger gone for that moment, is found at it',
    ({ middle: { first } }) => [
      `INSERT OR REPLACE INTO event SELECT seq, batch, event, version, at_us, json_set(body, '$.x', 1), leaf
         FROM event WHERE seq = ${first + 4}`,
    ],
    TAMPERED,
    ({ middle }) => [middle.batch, middle.first + 4],
  ],
  [
    'an event that a stranger appends behind the head is found there',
    ({ end }) => [
      `INSERT INTO event SELECT seq + 1, batch, event, version, at_us, body, leaf FROM event WHERE seq = ${end.last}`,
    ],
    INCOMPLETE,
    ({ end }) => [null, end.last + 1],
  ],
  [
    'a trigger that was dropped is named, though no row is another',
    (_places, path) => sql(path, 'DROP TRIGGER event_no_update'),
    INCOMPLETE,
    () => [null, null],
  ],
  [
    'a trigger that was dropped, with an edit since, is named with the place of the edit',
    ({ middle: { first } }, path) => {
      const update = `UPDATE event SET body = json_set(body, '$.x', 1) WHERE seq = ${first}`;
      return sql(path, `DROP TRIGGER event_no_update; ${update}`);
    },
    TAMPERED,
    ({ middle }) => [middle.batch, middle.first],
  ],
  [
    'a trigger whose text was changed is named',
    (_places, path) =>
      sql(
        path,
        `PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'BEGIN SELECT', 'BEGIN  SELECT') WHERE name = 'batch_no_update'`,
      ),
    TAMPERED,
    () => [null, null],
  ],
  [
    'a trigger that lets deletes through is named, with the first row that is gone',
    ({ middle: { first } }, path) =>
      sql(
        path,
        `PRAGMA foreign_keys = OFF; DROP TRIGGER event_no_delete;
         CREATE TRIGGER event_no_delete ${TRIGGER_TEXT.replace('BEGIN', 'WHEN OLD.seq < 0 BEGIN')}
           SELECT RAISE(ABORT, 'event is append-only'); END;
         DELETE FROM event WHERE seq = ${first + 6}`,
      ),
    TAMPERED,
    ({ middle }) => [middle.batch, middle.first + 6],
  ],
  [
    'a trigger that would keep events out is named, also under a name like those of SQLite',
    (_places, path) =>
      sql(
        path,
        `CREATE TRIGGER sqlitex_skip BEFORE INSERT ON event WHEN NEW.event = 'namespace.born'
         BEGIN SELECT RAISE(IGNORE); END`,
      ),
    TAMPERED,
    () => [null, null],
  ],
  [
    'an index that would refuse events is named',
    (_places, path) => sql(path, 'CREATE UNIQUE INDEX once ON event (batch, seq, event)'),
    TAMPERED,
    () => [null, null],
  ],
  [
    'a view that was added is named',
    (_places, path) => sql(path, 'CREATE VIEW events AS SELECT seq FROM event'),
    TAMPERED,
    () => [null, null],
  ],
  [
    'a chain that was built anew after an edit is found by the checkpoints that the log holds',
    ({ middle: { batch, first }, end }) => [
      edit(first + 1),
      rehashEvent(first + 1),
      ...Array.from({ length: end.batch - batch + 1 }, (_, index) => rehashBatch(batch + index)),
    ],
    TAMPERED,
    ({ middle }) => [null, goodBefore(middle) + 1],
  ],
];

/** Size of the last checkpoint before a batch. */
function goodBefore({ first }: Batch): number {
  return Math.max(...notes.map(sizeOf).filter((size) => size < first));
}

function sizeOf(note: string): number {
  return Number(note.split('\n')[1]);
}

/** Done at once, with the triggers as they are; nothing is left to change. */
function sql(path: string, text: string): readonly Change[] {
  execute(path, text);
  return [];
}

describe('the log alone tells', () => {
  test('nothing of a log that nobody touched, which is verified with a kept checkpoint', async () => {
    using scratch = new Scratch();
    const path = copyState(scratch);
    expect(await verify(path)).toMatchObject({ status: 0, verdict: 'self-consistent' });
    expect(await verify(path, ...withNote())).toMatchObject({ status: 0, verdict: 'verified' });
  });

  test.each(FOUND_ALONE)('%s', async (_title, deed, [status, verdict], place) => {
    using scratch = new Scratch();
    const path = copyState(scratch);
    const changes = deed(places, path);
    if (changes.length > 0) {
      tamper(path, changes);
    }
    const [batch, seq] = place(places);
    const alone = await verify(path);
    expect(alone).toMatchObject({ status, verdict, fault: { batch, seq } });
    expect(alone.stderr).toMatch(/^nsaudit: the log does not verify: [^\n]+\n$/);
    expect((await verify(path, ...withNote())).status).toBeGreaterThanOrEqual(4);
  });
});

test('a trigger that was dropped and made again as it was, with nothing changed between, leaves nothing to find', async () => {
  using scratch = new Scratch();
  const path = copyState(scratch);
  tamper(path, []);
  expect(await verify(path, ...withNote())).toMatchObject({ status: 0, verdict: 'verified' });
});

test('no connection can change, delete or replace a row while the triggers are there', () => {
  using scratch = new Scratch();
  const path = copyState(scratch);
  const before = readFileSync(path);
  for (const statement of [
    `UPDATE event SET body = '{}' WHERE seq = 3`,
    'DELETE FROM event WHERE seq = 3',
    'INSERT OR REPLACE INTO event SELECT * FROM event WHERE seq = 3',
    'REPLACE INTO batch SELECT * FROM batch WHERE batch = 1',
    `INSERT OR REPLACE INTO meta VALUES ('host', 'elsewhere')`,
    'INSERT OR REPLACE INTO tree_node SELECT * FROM tree_node LIMIT 1',
    `INSERT INTO retained VALUES ('head', 1, '{}')`,
  ]) {
    expect(() => execute(path, statement), statement).toThrow(
      /append-only|when events are removed/,
    );
  }
  expect(readFileSync(path).equals(before)).toBe(true);
});

/** Of the last namespace that is born the story is another one. */
const lie = (event: AuditEvent): AuditEvent =>
  event.event === 'namespace.born' && event.seq === places.later.first + 2
    ? { ...event, inum: 4_026_531_999 }
    : event;

type Rewriting = readonly [
  title: string,
  deed: (path: string) => void,
  alone: Verdict,
  kept: Verdict,
  place: (places: Places) => number | null,
];

const NEEDING_A_NOTE: readonly Rewriting[] = [
  [
    'a tail that was cut between batches, with its part of the hash tree',
    (path) => tamper(path, cutBehind(places.middle.last)),
    SELF_CONSISTENT,
    INCOMPLETE,
    ({ middle }) => middle.last + 1,
  ],
  [
    'a last batch that was deleted with its events: those that no checkpoint covers yet',
    (path) => tamper(path, cutBehind(places.end.first - 1)),
    SELF_CONSISTENT,
    VERIFIED,
    () => null,
  ],
  [
    'a log that was written anew after an edit, with checkpoints that its own key signed again',
    (path) => rewriteLog(path, places.signer, lie),
    SELF_CONSISTENT,
    TAMPERED,
    ({ later }) => goodBefore(later) + 1,
  ],
];

describe('only a kept checkpoint tells', () => {
  test.each(NEEDING_A_NOTE)('%s', async (_title, deed, alone, kept, place) => {
    using scratch = new Scratch();
    const path = copyState(scratch);
    deed(path);
    const [status, verdict] = alone;
    expect(await verify(path)).toMatchObject({ status, verdict, fault: null });
    expect((await verify(path, '--require-witness')).status).toBe(3);
    writeFileSync(collector.join('all.notes'), notes.join(''));
    const found = await verify(path, ...withNote('all.notes'));
    expect([found.status, found.verdict]).toEqual(kept);
    expect(found.fault?.seq ?? null).toBe(place(places));
  });
});
