/**
 * Reports: several questions about one window, put together for reading.
 *
 * Promises:  headed by host, window, coverage, gaps and position, so that each can be quoted; what was
 *            not watched is said, never counted as nothing.
 * Proved by: test/history/reports.test.ts
 */
import { NsauditError } from '../domain/errors.ts';
import { toInstantJson, type CoverageJson } from '../domain/json.ts';
import { toRfc3339, US_PER_DAY } from '../domain/time.ts';
import {
  LIMIT_MAX,
  REPORT_NAMES,
  type Report,
  type ReportName,
  type ReportSection,
  type WindowRequest,
} from './history.ts';
import { toPrintedName, type NamedQuery } from './load-queries.ts';
import type { Binding, SqlRow } from './open-reader.ts';
import type { Question } from './question.ts';
import { requireQuery, renderRow } from './run-query.ts';

export interface ReportInput {
  readonly question: Question;
  readonly queries: ReadonlyMap<string, NamedQuery>;
  readonly sinceUs: number;
  readonly untilUs: number;
  readonly coverage: CoverageJson;
}

interface ReportDefinition {
  readonly title: string;
  readonly sections: (input: ReportInput) => readonly ReportSection[];
}

const TOP_ROWS = 10;
const DEFAULT_SPAN_US = US_PER_DAY;

const DEFINITIONS: Readonly<Record<ReportName, ReportDefinition>> = {
  summary: {
    title: 'Namespaces: summary',
    sections: (input) => [
      countSection(input),
      creatorSection(input, TOP_ROWS),
      leakCountSection(input),
      longestGapSection(input),
    ],
  },
  leaks: { title: 'Namespaces without a process', sections: (input) => [leakSection(input)] },
  'short-lived': {
    title: 'Short-lived namespaces',
    sections: (input) => [shortLivedSection(input)],
  },
  creators: {
    title: 'Who created namespaces',
    sections: (input) => [creatorSection(input, LIMIT_MAX)],
  },
  intrusions: {
    title: 'Who entered namespaces of others',
    sections: (input) => [intrusionSection(input, 'another'), intrusionSection(input, 'unknown')],
  },
  coverage: {
    title: 'What was watched',
    sections: (input) => [sourceSection(input), unreadableSection(input), gapSection(input)],
  },
};

/** Makes a report; without a window, of the 24 hours up to the last instant that was watched. `nowUs` is wall time. */
export function makeReport(
  { question, queries }: Pick<ReportInput, 'question' | 'queries'>,
  { name, ...request }: { name: ReportName } & WindowRequest,
  nowUs: number,
): Report {
  const definition = DEFINITIONS[name] as ReportDefinition | undefined;
  if (!definition) {
    throw new NsauditError(
      'not-found',
      `there is no report "${name}": there are ${REPORT_NAMES.join(', ')}.`,
    );
  }
  const { head, coverage, times } = question;
  const asked = times.toWindow(request);
  const untilUs = asked.untilUs ?? Math.max(head.nowUs, asked.sinceUs ?? head.nowUs);
  const sinceUs = asked.sinceUs ?? untilUs - DEFAULT_SPAN_US;
  const judged = coverage.ofWindow({ sinceUs, untilUs });
  const input = { question, queries, sinceUs, untilUs, coverage: judged };
  const sections = definition.sections(input);
  return {
    name,
    title: definition.title,
    host: head.host,
    from: toInstantJson(head.clock, sinceUs),
    to: toInstantJson(head.clock, untilUs),
    generatedAt: toRfc3339(nowUs),
    at: toInstantJson(head.clock, untilUs),
    position: head.position,
    coverage: judged,
    data: sections,
    page: { limit: sections.length, next: null },
  };
}

interface Table {
  readonly title: string;
  readonly note: string;
  readonly query: string;
  readonly columns: readonly string[];
  readonly rows: readonly SqlRow[];
}

/** A section of some columns of a query, in the order given. */
function toSection(
  { question, queries }: ReportInput,
  { title, note, query: name, columns, rows }: Table,
): ReportSection {
  const query = requireQuery(queries, name);
  const shown = columns.flatMap(
    (column) => query.columns.find((known) => known.name === column) ?? [],
  );
  return {
    title,
    note,
    columns: shown.map(toPrintedName),
    rows: rows.map((row) => renderRow({ ...query, columns: shown }, row, question.head.clock)),
  };
}

function ask(
  { question, sinceUs, untilUs }: ReportInput,
  name: string,
  more: Binding = {},
): SqlRow[] {
  return question.runner.all(name, { since: sinceUs, until: untilUs, ...more });
}

function atMost(rows: readonly SqlRow[]): string {
  return rows.length === LIMIT_MAX ? ` Only the first ${LIMIT_MAX} are listed.` : '';
}

/** Words for a window that was not fully watched; empty for one that was. */
function warn({ coverage: { state, gaps } }: ReportInput): string {
  switch (state) {
    case 'watched':
      return '';
    case 'not-watched':
      return ' Nobody watched in this window: nothing here says that nothing happened.';
    case 'partly-watched':
      return gaps.length === 0
        ? ' The window was not watched from end to end: what is counted here is the least there was.'
        : ` Nobody watched during ${gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'} in this window: what is counted here is the least there was.`;
  }
}

function countSection(input: ReportInput): ReportSection {
  return toSection(input, {
    title: 'Namespaces by type',
    note: `Alive at the end of the window; born, ended and short-lived (less than a second, certainly and possibly) within it. Stormed are those of the born that were counted instead of listed.${warn(input)}`,
    query: 'counts-by-type',
    columns: [
      'type',
      'alive',
      'unheld',
      'born',
      'ended',
      'ended_by_reboot',
      'short_lived',
      'possibly_short_lived',
      'stormed',
    ],
    rows: ask(input, 'counts-by-type'),
  });
}

function creatorSection(input: ReportInput, limit: number): ReportSection {
  const rows = ask(input, 'creators', { limit });
  return toSection(input, {
    title: limit === TOP_ROWS ? 'Top creators' : 'Creators',
    note: `Most births first, stormed are those of them that were counted instead of listed; a line without uid is what nobody was seen to create. Where seen_by is scan, it is the oldest process seen inside.${warn(input)}${atMost(rows)}`,
    query: 'creators',
    columns: [
      'born',
      'stormed',
      'types',
      'uid',
      'loginuid',
      'comm',
      'exe',
      'container_id',
      'first_by_us',
      'last_by_us',
      'seen_by',
    ],
    rows,
  });
}

function listLeaks({ question, untilUs }: ReportInput): SqlRow[] {
  const at = Math.min(untilUs, question.head.nowUs);
  return question.runner.all('leaks', { at, limit: LIMIT_MAX });
}

function leakSection(input: ReportInput): ReportSection {
  const rows = listLeaks(input);
  return toSection(input, {
    title: 'Alive without a process or thread in them',
    note: `At the end of the window, oldest first, with what still holds them. Where nothing is named, something that cannot be seen from here does.${atMost(rows)}`,
    query: 'leaks',
    columns: [
      'lifespan',
      'type',
      'inum',
      'born_by_us',
      'emptied_by_us',
      'holders',
      'held_by',
      'creator_comm',
      'creator_uid',
      'names',
    ],
    rows,
  });
}

function leakCountSection(input: ReportInput): ReportSection {
  const leaks = listLeaks(input);
  const byType = new Map<string, number>();
  for (const { type } of leaks) {
    byType.set(String(type), (byType.get(String(type)) ?? 0) + 1);
  }
  return {
    title: 'Leaks',
    note: `Namespaces alive at the end of the window without a process or thread in them; the report leaks says what holds them.${atMost(leaks)}`,
    columns: ['type', 'leaks'],
    rows: [...byType].toSorted().map(([type, count]) => ({ type, leaks: count })),
  };
}

function shortLivedSection(input: ReportInput): ReportSection {
  const rows = ask(input, 'short-lived', { limit: LIMIT_MAX });
  const { minimumLifetimeUs } = input.coverage;
  const cadence =
    minimumLifetimeUs === null
      ? ''
      : ` Only what lived longer than ${(minimumLifetimeUs / 1e6).toFixed(3)} s cannot have been missed: there may have been more.`;
  return toSection(input, {
    title: 'Lived less than a second',
    note: `Certain when the longest possible life is below a second, possible when only the shortest is.${cadence}${warn(input)}${atMost(rows)}`,
    query: 'short-lived',
    columns: [
      'lifespan',
      'type',
      'inum',
      'certainty',
      'at_least_us',
      'at_most_us',
      'born_by_us',
      'gone_by_us',
      'creator_comm',
      'creator_uid',
      'exe',
    ],
    rows,
  });
}

const INTRUSION_NOTES = {
  another:
    'Newest first: by setns (how: setns), or seen elsewhere before by a scan (how: moved). Neither the process nor an ancestor that was there then had created the namespace; where ancestors is not whole, one further up may have. Entering is no offence by itself: ip netns exec and engines do it.',
  unknown:
    'Newest first. Nobody was seen to create the namespace, so that it may have been whoever entered.',
};

/** What entered namespaces whose creator is somebody else, or nobody knows. */
function intrusionSection(input: ReportInput, creator: 'another' | 'unknown'): ReportSection {
  const rows = ask(input, 'intrusions', { creator, limit: LIMIT_MAX });
  const isKnown = creator === 'another';
  return toSection(input, {
    title: isKnown
      ? 'Entered what somebody else had created'
      : 'Entered what nobody was seen to create',
    note: `${INTRUSION_NOTES[creator]}${warn(input)}${atMost(rows)}`,
    query: 'intrusions',
    columns: [
      'entered_by_us',
      'left_by_us',
      'how',
      'kind',
      'pid',
      'comm',
      'exe',
      'uid',
      'loginuid',
      'container_id',
      'lifespan',
      'type',
      'inum',
      'names',
      ...(isKnown
        ? ['creator_pid', 'creator_comm', 'creator_uid', 'creator_seen_by', 'ancestors']
        : []),
    ],
    rows,
  });
}

const GAP_COLUMNS = [
  'from_us',
  'to_us',
  'length_us',
  'source',
  'reason',
  'lost',
  'inferred',
  'unknown',
];

function longestGapSection(input: ReportInput): ReportSection {
  const rows = ask(input, 'gaps', { limit: LIMIT_MAX });
  return toSection(input, {
    title: 'Longest gaps',
    note: `Times in the window when nobody watched.${atMost(rows)}`,
    query: 'gaps',
    columns: GAP_COLUMNS,
    rows: rows
      .toSorted((left, right) => Number(right['length_us']) - Number(left['length_us']))
      .slice(0, TOP_ROWS),
  });
}

function gapSection(input: ReportInput): ReportSection {
  const rows = ask(input, 'gaps', { limit: LIMIT_MAX });
  return toSection(input, {
    title: 'Gaps',
    note: `Times in the window when nobody watched, newest first.${atMost(rows)}`,
    query: 'gaps',
    columns: GAP_COLUMNS,
    rows,
  });
}

function sourceSection(input: ReportInput): ReportSection {
  const { question, sinceUs, untilUs } = input;
  return toSection(input, {
    title: 'Watched, by source',
    note: `Time watched within the window. What lived longer than minimum_lifetime_us cannot have been missed in it.${warn(input)}`,
    query: 'coverage-of-window',
    columns: ['source', 'from_us', 'to_us', 'watched_us', 'minimum_lifetime_us', 'complete'],
    rows: question.coverage.bySource({ sinceUs, untilUs }),
  });
}

function unreadableSection({ coverage: { unreadable } }: ReportInput): ReportSection {
  return {
    title: 'Could not be read',
    note: 'In the latest stretch of the window with such a thing. What is unreadable is never taken for gone.',
    columns: ['source', 'reason', 'count', 'example'],
    rows: unreadable.map(({ source, reason, count, example }) => ({
      source,
      reason,
      count,
      example,
    })),
  };
}
