/**
 * Verifying a log against a bare scan that reads the same rows and hashes the same bytes: each event, each batch,
 * and the nodes of the tree over them, without comparing or understanding anything.
 */
import { hash } from 'node:crypto';
import { openDatabase } from '../../src/store/open-database.ts';
import type { OpenLog } from '../../src/store/open-log.ts';
import { verifyLog } from '../../src/store/verify-log.ts';
import { fillLog, inScratch, withLog } from './fill-log.ts';
import { measurePairs, median, type BenchRow } from './measure.ts';

const EVENTS = 100_000;
const BATCH_EVENTS = 100;
const PAGE_EVENTS = 5_000;
const PAIRS = 5;

export function benchVerify(): Promise<BenchRow[]> {
  return inScratch((directory) =>
    withLog(directory, async (log) => {
      fillLog(log, { events: EVENTS, batchEvents: BATCH_EVENTS });
      return [await measure(log)];
    }),
  );
}

async function measure(log: OpenLog): Promise<BenchRow> {
  const toRate = (fromMs: number): number => (EVENTS * 1_000) / (performance.now() - fromMs);
  const pairs = await measurePairs(
    PAIRS,
    async () => {
      const fromMs = performance.now();
      const { verdict, events } = await verifyLog(log.reader);
      if (verdict !== 'self-consistent' || events !== EVENTS) {
        throw new Error(`the log is ${verdict} with ${events} events`);
      }
      return toRate(fromMs);
    },
    () => {
      const fromMs = performance.now();
      scan(log.files.logPath);
      return toRate(fromMs);
    },
  );
  return {
    what: `verify of ${EVENTS} events`,
    reference: 'bare scan that hashes the same bytes',
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    unit: 'events/s',
    ratio: median(pairs.map(({ ours, theirs }) => ours / theirs)),
    budget: { bound: 'at-least', ratio: 0.6 },
  };
}

type Columns = [
  seq: number,
  event: string,
  version: number,
  atUs: number,
  body: string,
  leaf: Buffer,
];

function scan(logPath: string): void {
  const db = openDatabase(logPath, 'reader');
  try {
    const select = db
      .prepare<[number, number], Columns>(
        'SELECT seq, event, version, at_us, body, leaf FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
      )
      .raw();
    const node = Buffer.alloc(65, 1);
    for (let after = 0; after < EVENTS; after += PAGE_EVENTS) {
      const rows = select.all(after, PAGE_EVENTS);
      for (const [seq, event, version, atUs, body] of rows) {
        hash(
          'sha256',
          `\u0000${seq}\n${version}\n${atUs}\n${event.length}\n${event}${body}`,
          'hex',
        );
        hash('sha256', node, 'hex');
      }
      for (let from = 0; from < rows.length; from += BATCH_EVENTS) {
        const leaves = rows.slice(from, from + BATCH_EVENTS).map((row) => row[5]);
        hash('sha256', Buffer.concat(leaves), 'hex');
      }
    }
  } finally {
    db.close();
  }
}
