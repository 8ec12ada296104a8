/**
 * What can be asked about the past: the one interface that the command line and the HTTP API share.
 *
 * Holds:     the questions as functions; each answers in the JSON of domain/json.ts.
 * Promises:  reads only; every answer says which instant it is about, at which log position, and how
 *            well that time was watched.
 * Does not:  print, route, or know how it was asked.
 */
import type { Answer, CoverageJson, EventJson, HolderJson, LifespanJson } from '../domain/json.ts';
import type { NamespaceType } from '../domain/namespace-type.ts';
import type { Target } from '../domain/parse-target.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import type { DiskUse } from '../store/measure-disk.ts';

/** `limit` is 1 to LIMIT_MAX; `cursor` is what the last page gave as `page.next`. */
export interface PageRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface WindowRequest {
  readonly since?: TimeReference | undefined;
  readonly until?: TimeReference | undefined;
}

export const LIMIT_DEFAULT = 100;
export const LIMIT_MAX = 1000;

/** The namespaces one process was in: one row per membership, with the lifespans of its set. */
export interface ProcessJson {
  readonly pid: number;
  /** Set for a thread whose namespaces differ from its process's; `namespaces` has those that differ. */
  readonly tid: number | null;
  readonly startTimeTicks: string;
  readonly comm: string | null;
  readonly from: HolderJson['from'];
  readonly to: HolderJson['to'];
  readonly namespaces: readonly LifespanJson[];
}

/** One thing that happened to one namespace, for the timeline. */
export interface TimelineJson {
  /** It had happened by then; for a gap, when it began. */
  readonly at: string;
  /** It had not happened before this; null when that is not known. */
  readonly after: string | null;
  readonly what: 'born' | 'unheld' | 'ended' | 'holder-gained' | 'holder-lost' | 'gap';
  readonly lifespan: string | null;
  readonly type: NamespaceType | null;
  readonly inum: number | null;
  readonly detail: string;
  /** seq of the event of a birth, a holder gained or a gap; null for ends, which several events may tell of. */
  readonly seq: number | null;
}

/** A row of coverage: a stretch of watching, or a gap. */
export interface CoverageRowJson {
  /** Of the event; for the stretch that is still growing, the log position after its last scan. */
  readonly seq: number;
  readonly kind: 'watched' | 'gap';
  readonly from: string;
  readonly to: string;
  readonly source: string;
  readonly scans: number | null;
  readonly minimumLifetimeUs: number | null;
  readonly scanIntervalUsMedian: number | null;
  readonly scanDurationUsMax: number | null;
  readonly complete: boolean | null;
  readonly unreadable: CoverageJson['unreadable'];
  readonly reason: string | null;
  readonly lost: number | null;
}

export interface QueryParameter {
  readonly name: string;
  /** `time` and `lifespan` parameters take what the command line takes and are converted before binding. */
  readonly type: 'time' | 'integer' | 'text' | 'type' | 'lifespan';
  /** What stands for it when it is not given, in words or as a value; null: it must be given. */
  readonly default: string | null;
  readonly description: string;
}

export interface QueryDescription {
  readonly name: string;
  readonly question: string;
  readonly parameters: readonly QueryParameter[];
  readonly columns: readonly { readonly name: string; readonly description: string }[];
  /** What follows `nsaudit query`. */
  readonly example: string;
}

export type QueryRow = Readonly<Record<string, string | number | null>>;

export const REPORT_NAMES = [
  'summary',
  'leaks',
  'short-lived',
  'creators',
  'intrusions',
  'coverage',
] as const;
export type ReportName = (typeof REPORT_NAMES)[number];

/** One part of a report: a small table with a heading and a sentence that says what it means. */
export interface ReportSection {
  readonly title: string;
  readonly note: string;
  readonly columns: readonly string[];
  readonly rows: readonly QueryRow[];
}

/** The envelope of every answer, headed so that a page torn from its context can still be judged. */
export interface Report extends Answer<ReportSection> {
  readonly name: ReportName;
  readonly title: string;
  readonly host: string;
  readonly from: string;
  readonly to: string;
  readonly generatedAt: string;
}

/** The newest checkpoint of the log (c2sp.org/tlog-checkpoint). */
export interface CheckpointJson {
  readonly seq: number;
  readonly at: string;
  readonly origin: string;
  /** How many events it covers: those before it was signed. */
  readonly size: number;
  readonly root: string;
  readonly publicKey: string | null;
  /** Names of the witnesses that cosigned. */
  readonly cosigned: readonly string[];
  readonly note: string;
}

/** One event, and the proof that the newest checkpoint covers it. */
export interface ProofJson {
  readonly seq: number;
  /** Of the leaf, from 0. */
  readonly index: number;
  /** The bytes that were hashed, after a byte 0; base64. */
  readonly leaf: string;
  /** Inclusion proof (RFC 6962), from the leaf's sibling up; base64. */
  readonly path: readonly string[];
  /** Signed note of the checkpoint. */
  readonly checkpoint: string;
  /** All of it as one file (c2sp.org/tlog-proof). */
  readonly text: string;
}

export interface Status {
  readonly host: string;
  readonly logId: string;
  readonly position: number;
  /** Log position of the log itself; larger than `position` while the projection lags. */
  readonly head: number;
  readonly isCollecting: boolean;
  /** Since when nothing has been recorded, because the disk was full or failed; null while recording goes on. */
  readonly suspendedAt: string | null;
  readonly lastScanAt: string | null;
  readonly namespaces: Readonly<Record<NamespaceType, number>>;
  readonly gapCount: number;
  readonly gapTotalUs: number;
  /** Gaps that stand for records of the kernel which found no room, and how many records those were. */
  readonly lossCount: number;
  readonly lostCount: number;
  /** Sizes of the files of the record, and what is free for them. */
  readonly disk: DiskUse;
}

/**
 * Errors of all questions: NsauditError `usage` for a bad cursor, limit or parameter, `not-found` for a
 * lifespan, query or report that does not exist, `unavailable` when a database has gone away or is
 * empty, `integrity` when it is damaged, `busy` and `io` as the system says.
 *
 * On every page after the first, times that depend on the instant of asking (`now`, `-2h`) are those of
 * the first page; the cursor keeps them.
 */
export interface History {
  readonly host: string;
  status(): Status;
  /**
   * Namespaces alive at an instant, the initial ones among them. `all` adds those that had ended by then
   * in the same boot. Without `at`: at the last instant that was watched, so that now never claims more
   * than was seen. `holders.now` is the count at that instant; for an initial namespace, whose processes are only
   * counted, the last count. `observers: false` leaves out what nothing but the collector itself and its
   * children hold then; in `holders` and `timeline` it leaves out these holders, in counts of holders these
   * as well. Errors: `usage` with `all`.
   */
  state(
    request: {
      at?: TimeReference | undefined;
      types?: readonly NamespaceType[] | undefined;
      all?: boolean | undefined;
      observers?: boolean | undefined;
    } & PageRequest,
  ): Answer<LifespanJson>;
  /**
   * Lives that a target names, newest first: all lives of an inum, one lifespan, every bearer of a name.
   * In a window: those that may have lived, or borne the name, in it; they are described as of its end.
   * `observers: false` leaves no life out, only the collector itself and its children of the counts of holders.
   */
  lifespans(
    request: { target: Target; observers?: boolean | undefined } & WindowRequest & PageRequest,
  ): Answer<LifespanJson>;
  lifespan(
    id: number,
    request?: { readonly observers?: boolean | undefined },
  ): Answer<LifespanJson>;
  /**
   * Holders of the lives a target names, at an instant, in a window, or all there is a record of: life by
   * life, oldest first. Processes in an initial namespace are counted, unless the collector lists them.
   */
  holders(
    request: {
      target: Target;
      at?: TimeReference | undefined;
      observers?: boolean | undefined;
    } & WindowRequest &
      PageRequest,
  ): Answer<HolderJson>;
  /**
   * The namespaces of a process; without `at`, every membership there is a record of, newest first. A
   * process that never left the initial namespaces is counted, not listed.
   */
  process(
    request: { pid: number; at?: TimeReference | undefined } & PageRequest,
  ): Answer<ProcessJson>;
  /** Births, ends and gaps of all namespaces; with a target, its lives in turn, each with its holders. */
  timeline(
    request: {
      types?: readonly NamespaceType[] | undefined;
      target?: Target | undefined;
      observers?: boolean | undefined;
    } & WindowRequest &
      PageRequest,
  ): Answer<TimelineJson>;
  /** The log in order; `after` is a seq. Reads log.db itself, not a projection. */
  events(request: { after?: number | undefined } & WindowRequest & PageRequest): Answer<EventJson>;
  /** Errors: NsauditError `not-found` when none has been published. */
  checkpoint(): CheckpointJson;
  /** Errors: NsauditError `usage` for a seq that is none, `unavailable` when no checkpoint covers it yet. */
  proof(seq: number): ProofJson;
  coverage(request: WindowRequest & PageRequest): Answer<CoverageRowJson>;
  queries(): readonly QueryDescription[];
  /** Never more rows than the limit, and no further page: as many rows as the limit may mean there is more. */
  query(request: {
    name: string;
    parameters: Readonly<Record<string, string>>;
    limit?: number | undefined;
  }): Answer<QueryRow>;
  report(request: { name: ReportName } & WindowRequest): Report;
  close(): void;
}
