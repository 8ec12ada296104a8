/**
 * Opens the past of one state directory: the History over its log.db and read.db, both read-only.
 *
 * Holds:     the two connections, made when they are first needed, and the named queries.
 * Promises:  nothing is written; every question is answered from one snapshot; a read.db that was rebuilt
 *            is taken up by the next question.
 * Does not:  answer anything itself: each question is a file beside this one.
 * Proved by: test/history/
 */
import { US_PER_MS } from '../domain/time.ts';
import { requireStateDirectory } from '../store/state-directory.ts';
import { findCheckpoint, findProof } from './find-checkpoint.ts';
import { findEventUs, followLog } from './follow-log.ts';
import type { History } from './history.ts';
import { createCoverageJudge, type WholeRecord } from './judge-coverage.ts';
import { listCoverage } from './list-coverage.ts';
import { listEvents } from './list-events.ts';
import { listHolders } from './list-holders.ts';
import { listLifespans, readLifespan } from './list-lifespans.ts';
import { listProcess } from './list-process.ts';
import { listState } from './list-state.ts';
import { listTimeline } from './list-timeline.ts';
import { describeQuery, findQueriesDirectory, loadQueries } from './load-queries.ts';
import { makeReport } from './make-report.ts';
import { openReader, type Statements } from './open-reader.ts';
import { createQueryRunner } from './query-runner.ts';
import type { Question } from './question.ts';
import { readHead } from './read-head.ts';
import { readStatus } from './read-status.ts';
import { createTimeResolver } from './resolve-time.ts';
import { requireQuery, runQuery } from './run-query.ts';

export interface OpenHistoryOptions {
  readonly stateDirectory: string;
  /** Wall time in epoch microseconds: what `-2h` in a query parameter counts from, and when a report was made. */
  readonly now?: () => number;
}

/**
 * Opens the history of a state directory and reads its head once, so that a directory without a record
 * is refused here and not by the first question.
 *
 * Errors: NsauditError `unavailable` when a database is missing, empty, of another version or not one of
 * ours, `integrity` when it is damaged, `io` when it may not be read.
 */
export function openHistory({ stateDirectory, now = wallNowUs }: OpenHistoryOptions): History {
  const queries = loadQueries(findQueriesDirectory());
  const files = requireStateDirectory(stateDirectory);
  const reader = openReader(files.readPath);
  const log = followLog(stateDirectory);
  const whole: WholeRecord = { key: '', stretches: [] };

  const ask = <Result>(work: (question: Question, statements: Statements) => Result): Result =>
    reader.read((statements) => {
      const head = readHead(statements);
      const runner = createQueryRunner(queries, statements);
      const question: Question = {
        head,
        runner,
        times: createTimeResolver(head, statements, (seq) => findEventUs(log.current(head), seq)),
        coverage: createCoverageJudge({ head, runner }, whole),
        log: () => log.current(head),
      };
      return work(question, statements);
    });

  const history: History = {
    host: '',
    status: () => ask((question, statements) => readStatus(question, statements, files)),
    state: (request) => ask((question) => listState(question, request)),
    lifespans: (request) => ask((question) => listLifespans(question, request)),
    lifespan: (id, request) => ask((question) => readLifespan(question, id, request)),
    holders: (request) => ask((question) => listHolders(question, request)),
    process: (request) => ask((question) => listProcess(question, request)),
    timeline: (request) => ask((question) => listTimeline(question, request)),
    events: (request) => ask((question) => listEvents(question, request)),
    checkpoint: () => ask(findCheckpoint),
    proof: (seq) => ask((question) => findProof(question, seq)),
    coverage: (request) => ask((question) => listCoverage(question, request)),
    queries: () => [...queries.values()].map(describeQuery),
    query: (request) => {
      const query = requireQuery(queries, request.name);
      return ask((question) => runQuery(question, query, { ...request, nowUs: now() }));
    },
    report: (request) => ask((question) => makeReport({ question, queries }, request, now())),
    close() {
      reader.close();
      log.close();
    },
  };
  try {
    return { ...history, host: ask(({ head }) => head.host) };
  } catch (error) {
    history.close();
    throw error;
  }
}

function wallNowUs(): number {
  return Date.now() * US_PER_MS;
}
