/**
 * Rebuilding read.db against a bare scan of the log: every event read in pages, every body parsed as JSON. The
 * second line adds to the reference what SQLite alone takes to write the same rows: no rebuild can be faster than
 * that one after the other.
 */
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import type { OpenLog } from '../../src/store/open-log.ts';
import { copyRows } from './copy-rows.ts';
import { fillLog, inScratch, withLog } from './fill-log.ts';
import { measurePairs, median, type BenchRow } from './measure.ts';

const EVENTS = 300_000;
const BATCH_EVENTS = 500;
const PAGE_EVENTS = 1_000;
const PAIRS = 7;

export function benchRebuild(): Promise<BenchRow[]> {
  return inScratch((directory) =>
    withLog(directory, async (log) => {
      fillLog(log, { events: EVENTS, batchEvents: BATCH_EVENTS });
      return [
        await measure(log, { reference: SCAN, least: 0.5 }),
        await measure(log, { reference: SCAN_AND_COPY, least: null }),
      ];
    }),
  );
}

const SCAN = 'bare scan and JSON.parse of the log';
const SCAN_AND_COPY = 'bare scan, and a copy of the rows inside SQLite';

async function measure(
  log: OpenLog,
  { reference, least }: { reference: string; least: number | null },
): Promise<BenchRow> {
  const count = log.reader.head().position;
  const toRate = (fromMs: number): number => (count * 1_000) / (performance.now() - fromMs);
  const pairs = await measurePairs(
    PAIRS,
    async () => {
      const fromMs = performance.now();
      await rebuildReadDatabase(log.files.readPath, log.reader);
      return toRate(fromMs);
    },
    () => {
      const fromMs = performance.now();
      scan(log.files.logPath, count);
      if (reference === SCAN_AND_COPY) {
        copyRows(log.files.readPath);
      }
      return toRate(fromMs);
    },
  );
  return {
    what: `rebuild from ${count} events`,
    reference,
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    unit: 'events/s',
    ratio: median(pairs.map(({ ours, theirs }) => ours / theirs)),
    budget: least === null ? null : { bound: 'at-least', ratio: least },
  };
}

function scan(logPath: string, count: number): void {
  const db = openDatabase(logPath, 'reader');
  try {
    const select = db.prepare<[number, number], { seq: number; body: string }>(
      'SELECT seq, event, version, at_us, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
    );
    let parsed = 0;
    for (let after = 0; after < count;) {
      for (const { seq, body } of select.all(after, PAGE_EVENTS)) {
        JSON.parse(body);
        parsed += 1;
        after = seq;
      }
    }
    if (parsed !== count) {
      throw new Error(`the scan saw ${parsed} of ${count} events`);
    }
  } finally {
    db.close();
  }
}
