/** The columns of timelines, of coverage, of named queries and of the list of them. */
import type {
  CoverageRowJson,
  QueryDescription,
  QueryRow,
  TimelineJson,
} from '../history/history.ts';
import { formatBounds, formatSpan, formatSpanExactly } from './bounds-text.ts';
import { plainColumn, toHeader, type Column, type ColumnTable } from './columns.ts';

const right = { align: 'right' } as const;

function toWhenText({ what, at, after }: TimelineJson): string | null {
  return what === 'gap' ? at : formatBounds({ after, by: at, evidence: 'scan' });
}

export const timelineColumns: ColumnTable<TimelineJson> = {
  columns: [
    {
      ...plainColumn<TimelineJson>('when', 'when it happened; of a gap, when it began'),
      parts: ['after', 'at'],
      toText: toWhenText,
    },
    plainColumn('at', 'when, at the latest; of a gap, when it began'),
    plainColumn('after', 'not before'),
    plainColumn('what', 'born, unheld, ended, holder-gained, holder-lost or gap'),
    plainColumn('lifespan', 'to which life', right),
    plainColumn('type', 'its type'),
    plainColumn('inum', 'its inode number', right),
    plainColumn('detail', 'by whom, why, and how sure'),
    plainColumn('seq', 'the event that says so, where it is one', right),
  ],
  defaults: ['when', 'what', 'lifespan', 'type', 'inum', 'detail'],
};

function toSpanText(spanUs: number | null): string | null {
  return spanUs === null ? null : formatSpan(spanUs);
}

function toUnreadableText({ unreadable }: CoverageRowJson): string | null {
  const parts = unreadable.map(
    ({ source, reason, count, example }) => `${source} ${reason} ${count} (${example})`,
  );
  return parts.length === 0 ? null : parts.join(', ');
}

const coverageFields: readonly Column<CoverageRowJson>[] = [
  plainColumn('seq', 'the event that says so', right),
  plainColumn('kind', 'watched or gap'),
  plainColumn('from', 'start'),
  plainColumn('to', 'end'),
  plainColumn('source', 'who watched'),
  plainColumn('scans', 'how many full scans', right),
  plainColumn('minimumLifetimeUs', 'what lived longer cannot have been missed', {
    header: 'MIN LIFETIME',
    align: 'right',
    toText: ({ minimumLifetimeUs }) => toSpanText(minimumLifetimeUs),
  }),
  plainColumn('scanIntervalUsMedian', 'from scan to scan, median', {
    header: 'INTERVAL',
    align: 'right',
    toText: ({ scanIntervalUsMedian }) => toSpanText(scanIntervalUsMedian),
  }),
  plainColumn('scanDurationUsMax', 'longest scan', {
    header: 'SCAN MAX',
    align: 'right',
    toText: ({ scanDurationUsMax }) => toSpanText(scanDurationUsMax),
  }),
  plainColumn('complete', 'whether everything could be read'),
  plainColumn('unreadable', 'what could not be read: source, reason, count, example', {
    toText: toUnreadableText,
  }),
  plainColumn('reason', 'why there is a gap: stopped, killed, stalled, reboot, lost or suspended'),
  plainColumn('lost', 'events lost in the gap, where they can be counted', right),
];

export const coverageColumns: ColumnTable<CoverageRowJson> = {
  columns: coverageFields,
  defaults: [
    'kind',
    'from',
    'to',
    'scans',
    'minimumLifetimeUs',
    'scanDurationUsMax',
    'complete',
    'reason',
    'lost',
  ],
};

export const queryListColumns: ColumnTable<QueryDescription> = {
  columns: [
    plainColumn('name', 'the name'),
    plainColumn('parameters', 'what it takes; those in brackets may be left out', {
      toText: ({ parameters }) =>
        parameters
          .map((parameter) => (parameter.default === null ? parameter.name : `[${parameter.name}]`))
          .join(' ') || null,
    }),
    plainColumn('question', 'what it answers'),
    plainColumn('columns', 'what comes back', {
      toText: ({ columns }) => columns.map(({ name }) => name).join(' '),
    }),
    plainColumn('example', 'how to call it'),
  ],
  defaults: ['name', 'question', 'parameters'],
};

/** By the naming rule of queries: microseconds. */
const SPAN_SUFFIX = '_us';

/**
 * A column of a named query or report: ids and numbers stand right, and microseconds are shown as spans,
 * exactly, because they may be a bound from either side.
 */
export function toQueryColumn(
  name: string,
  description: string,
  rows: readonly QueryRow[],
): Column<QueryRow> {
  const values = rows.map((row) => row[name] ?? null);
  const isNumeric = values.some((value) => value !== null && /^-?\d+$/.test(String(value)));
  const presentation = { align: isNumeric ? 'right' : 'left' } as const;
  if (!name.endsWith(SPAN_SUFFIX)) {
    return plainColumn(name, description, presentation);
  }
  const header = toHeader(name.slice(0, -SPAN_SUFFIX.length));
  return plainColumn(name, description, {
    ...presentation,
    header,
    toText: (row) => {
      const value = row[name] ?? null;
      return typeof value === 'number' ? formatSpanExactly(value) : value;
    },
  });
}

/** The columns of a named query, as its file describes them. */
export function toQueryColumns(
  names: readonly { readonly name: string; readonly description: string }[],
  rows: readonly QueryRow[],
): ColumnTable<QueryRow> {
  return {
    columns: names.map(({ name, description }) => toQueryColumn(name, description, rows)),
    defaults: names.map(({ name }) => name),
  };
}
