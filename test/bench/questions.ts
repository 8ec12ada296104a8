/**
 * How long the questions of an incident take with a million and with ten million events in the record: warm,
 * pages of a hundred rows, each asked of another moment or namespace every time.
 *
 * The reference is the budget in milliseconds, and for growth the same question of the smaller record. Filling takes
 * minutes: with NSAUDIT_BENCH_DIR the records are made in that directory and found there by the next run.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { US_PER_DAY, US_PER_MS, US_PER_SECOND } from '../../src/domain/time.ts';
import type { History } from '../../src/history/history.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { fillLog, inScratch, withLog } from './fill-log.ts';
import { median, type BenchRow } from './measure.ts';

const SMALL_EVENTS = 1_000_000;
/** Fewer, for a machine or an hour that has no room for so many: then the rows say so. */
const LARGE_EVENTS = Number(process.env['NSAUDIT_BENCH_EVENTS'] ?? 10_000_000);
const BATCH_EVENTS = 5_000;
/** Ten million events in a month, as a busy container host has them. */
const TICK_US = US_PER_SECOND;
const PAGE = 100;
const ASKED = 300;
/** The last is measured: those before warm the pages, and what V8 compiles and how large it keeps its heap. */
const ROUNDS = 4;
const GROWTH_MAX = 1.5;
const NS_PER_MS = 1e6;

interface Question {
  readonly what: string;
  readonly maxMs: number;
  ask(history: History, born: Born): void;
}

/** A namespace of the record, and a moment soon after its birth. */
interface Born {
  readonly id: number;
  readonly inum: number;
  readonly wallUs: number;
}

const QUESTIONS: readonly Question[] = [
  {
    what: 'state at an instant',
    maxMs: 5,
    ask(history, { wallUs }) {
      history.state({ at: { kind: 'wall', wallUs }, limit: PAGE });
    },
  },
  {
    what: 'namespace of an inum at an instant',
    maxMs: 1,
    ask(history, { inum, wallUs }) {
      const target = { kind: 'inum', inum, type: null } as const;
      const since = { kind: 'wall', wallUs } as const;
      history.lifespans({
        target,
        since,
        until: { kind: 'wall', wallUs: wallUs + 1 },
        limit: PAGE,
      });
    },
  },
  {
    what: 'holders of a namespace',
    maxMs: 2,
    ask(history, { id }) {
      history.holders({ target: { kind: 'lifespan', lifespan: id }, limit: PAGE });
    },
  },
  {
    what: 'top ten creators of a day',
    maxMs: 2,
    ask(history, born) {
      askCreators(history, born, {});
    },
  },
  {
    what: 'top ten creators of a day, one type',
    maxMs: 2,
    ask(history, born) {
      askCreators(history, born, { type: 'net' });
    },
  },
];

/** Of the day before; `type` is empty, or the parameter. */
function askCreators(history: History, { wallUs }: Born, type: Readonly<Record<string, string>>) {
  const parameters = {
    since: new Date((wallUs - US_PER_DAY) / 1_000).toISOString(),
    until: new Date(wallUs / 1_000).toISOString(),
    ...type,
  };
  history.query({ name: 'creators', parameters, limit: 10 });
}

/** Milliseconds. */
interface Figures {
  /** CPU time of this process, which other work on the machine disturbs less than the clock. */
  readonly cpuP50: number;
  readonly cpuP99: number;
  readonly p50: number;
  readonly p99: number;
}

export async function benchQuestions(): Promise<BenchRow[]> {
  const small = await withRecord(SMALL_EVENTS, measureAll);
  const large = await withRecord(LARGE_EVENTS, measureAll);
  return QUESTIONS.flatMap(({ what, maxMs }, index) => {
    const [before, after] = [small[index], large[index]];
    if (!before || !after) {
      throw new Error(`${what} was not measured`);
    }
    return [
      {
        what: `${what}, ${LARGE_EVENTS / 1e6} M`,
        reference: `p99 of ${ASKED}, warm; the budget; median ${after.p50.toFixed(2)} ms; CPU time ${after.cpuP99.toFixed(2)}, median ${after.cpuP50.toFixed(2)} ms`,
        ours: after.p99,
        theirs: maxMs,
        unit: 'ms',
        ratio: after.p99 / maxMs,
        budget: { bound: 'at-most', ratio: 1 },
      },
      {
        what: `${what}, growth`,
        reference: `p50, against ${SMALL_EVENTS / 1e6} M events`,
        ours: after.p50,
        theirs: before.p50,
        unit: 'ms',
        ratio: after.p50 / before.p50,
        budget: { bound: 'at-most', ratio: GROWTH_MAX },
      },
    ];
  });
}

/** A record of its own, or the one in that directory from an earlier run, which stays there. */
async function withRecord<Result>(
  events: number,
  work: (directory: string) => Result | Promise<Result>,
): Promise<Result> {
  const kept = process.env['NSAUDIT_BENCH_DIR'];
  if (kept === undefined) {
    return inScratch(async (directory) => {
      await fill(directory, events);
      return work(directory);
    });
  }
  const directory = join(kept, `questions-${events}`);
  if (!existsSync(join(directory, 'read.db'))) {
    mkdirSync(directory, { recursive: true });
    await fill(directory, events);
  }
  return work(directory);
}

function measureAll(directory: string): Figures[] {
  const places = choosePlaces(join(directory, 'read.db'));
  const history = openHistory({ stateDirectory: directory });
  try {
    return QUESTIONS.map((question) => measure(history, question, places));
  } finally {
    history.close();
  }
}

function fill(directory: string, events: number): Promise<void> {
  return withLog(directory, (log) => {
    fillLog(log, { events, batchEvents: BATCH_EVENTS, tickUs: TICK_US });
    return rebuildReadDatabase(log.files.readPath, log.reader);
  });
}

/**
 * Namespaces born at even distances over the whole record, soon after their birth. Only ids are read of the others: half
 * a million objects would have to be collected while the questions are measured.
 */
function choosePlaces(readPath: string): Born[] {
  const db = openDatabase(readPath, 'reader');
  try {
    const ids = db
      .prepare<[], number>('SELECT id FROM lifespan WHERE initial = 0 ORDER BY id')
      .pluck()
      .all();
    const find = db.prepare<[number, number | undefined], Born>(
      'SELECT id, inum, born_by_us + ? AS wallUs FROM lifespan WHERE id = ?',
    );
    const places = Array.from({ length: ASKED }, (_, index) => {
      const born = find.get(TICK_US, ids[Math.floor(((index + 0.5) / ASKED) * ids.length)]);
      if (!born) {
        throw new Error('the record has no birth');
      }
      // No two neighbours, so that one answer does not warm the pages of the next.
      return { ...born, order: (index * 7_919) % ASKED };
    });
    return places.toSorted((left, right) => left.order - right.order);
  } finally {
    db.close();
  }
}

function measure(history: History, { ask }: Question, places: readonly Born[]): Figures {
  let asked: readonly Taken[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    asked = places.map((place) => {
      const cpu = process.cpuUsage();
      const startedNs = process.hrtime.bigint();
      ask(history, place);
      const ms = Number(process.hrtime.bigint() - startedNs) / NS_PER_MS;
      const { user, system } = process.cpuUsage(cpu);
      return { ms, cpuMs: (user + system) / US_PER_MS };
    });
  }
  const tookMs = asked.map(({ ms }) => ms);
  const cpuMs = asked.map((taken) => taken.cpuMs);
  return {
    cpuP50: median(cpuMs),
    cpuP99: percentile99(cpuMs),
    p50: median(tookMs),
    p99: percentile99(tookMs),
  };
}

interface Taken {
  readonly ms: number;
  readonly cpuMs: number;
}

function percentile99(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}
