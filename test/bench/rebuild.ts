/** Rebuilding read.db against a bare scan of the log: every event read in pages, every body parsed as JSON. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { openLog, type OpenLog } from '../../src/store/open-log.ts';
import { startEventMix } from './event-mix.ts';
import { measurePairs, median, type BenchRow } from './measure.ts';

const EVENTS = 300_000;
const BATCH_EVENTS = 500;
const PAGE_EVENTS = 1_000;
const PAIRS = 7;

export async function benchRebuild(): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-bench-'));
  try {
    const holder = { pid: process.pid, startedUs: 0, purpose: 'benchmark' };
    const log = await openLog({ stateDirectory: directory, holder, host: 'bench' });
    try {
      fill(log);
      return [await measure(log)];
    } finally {
      log.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function fill({ writer }: OpenLog): void {
  const mix = startEventMix();
  for (let from = 0; from < EVENTS; from += BATCH_EVENTS) {
    const header = { producer: 'bench', producerSeq: from + 1, atUs: from, wallUs: from };
    writer.appendBatch(mix.next(BATCH_EVENTS), header);
  }
}

async function measure(log: OpenLog): Promise<BenchRow> {
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
      return toRate(fromMs);
    },
  );
  return {
    what: `rebuild from ${count} events`,
    reference: 'bare scan and JSON.parse of the log',
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    unit: 'events/s',
    ratio: median(pairs.map(({ ours, theirs }) => ours / theirs)),
    budget: { bound: 'at-least', ratio: 0.5 },
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
