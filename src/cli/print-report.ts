/**
 * Prints a report. Its head comes first in every format for people: host, window, coverage, gaps and log
 * position, so that a page torn from its context can still be judged.
 */
import type { QueryRow, Report, ReportSection } from '../history/history.ts';
import type { Column } from './columns.ts';
import {
  describeGaps,
  describePruned,
  describeState,
  describeUnreadable,
} from './coverage-text.ts';
import { escapeText } from './escape-text.ts';
import {
  escapeMarkdown,
  formatCsv,
  formatMarkdown,
  formatPairs,
  formatTable,
  toJsonLine,
} from './format-rows.ts';
import type { OutputFormat } from './options.ts';
import { toQueryColumn } from './record-columns.ts';
import { wrapText } from './wrap-text.ts';

const SECTION_FIELD = 'section';
const NOTE_WIDTH = 100;

function toColumns({ columns, rows }: ReportSection): readonly Column<QueryRow>[] {
  return columns.map((name) => toQueryColumn(name, '', rows));
}

/** Rows of all sections, each with the title of its section in front. */
function listSectionRows({ data: sections }: Report): readonly QueryRow[] {
  return sections.flatMap(({ title, rows }) =>
    rows.map((row) => ({ [SECTION_FIELD]: title, ...row })),
  );
}

function listHead(
  { host, from, to, position, generatedAt, coverage }: Report,
  staleness: string | null,
): readonly (readonly [name: string, value: string])[] {
  const pruned = describePruned(coverage);
  return [
    ['host', host],
    ['window', `${from} to ${to}`],
    ['coverage', describeState(coverage)],
    ...(staleness === null ? [] : [['', staleness] as const]),
    ['gaps', describeGaps(coverage) ?? 'none'],
    ...(pruned === null ? [] : [['pruned', pruned] as const]),
    ['unreadable', describeUnreadable(coverage) ?? 'nothing'],
    ['log position', String(position)],
    ['generated', generatedAt],
  ];
}

/** The whole report as text of the format; json is the report as over HTTP. `staleness` as in staleness.ts. */
export function formatReport(
  report: Report,
  format: OutputFormat,
  staleness: string | null,
): string {
  switch (format) {
    case 'json':
      return toJsonLine(report);
    case 'ndjson':
      return listSectionRows(report).map(toJsonLine).join('');
    case 'csv': {
      const names = [...new Set([SECTION_FIELD, ...report.data.flatMap(({ columns }) => columns)])];
      return formatCsv(
        names.map((field) => ({ field })),
        listSectionRows(report),
      );
    }
    case 'markdown':
      return formatMarkdownReport(report, staleness);
    case 'table':
      return formatTextReport(report, staleness);
  }
}

function formatTextReport(report: Report, staleness: string | null): string {
  const head = listHead(report, staleness).map(
    ([name, value]) => [name, escapeText(value)] as const,
  );
  const sections = report.data.map((section) => {
    const rows =
      section.rows.length === 0 ? 'none\n' : formatTable(toColumns(section), section.rows);
    const note = wrapText(escapeText(section.note), { indent: 0, width: NOTE_WIDTH });
    return `\n${escapeText(section.title)}\n${note}\n${rows}`;
  });
  return `${escapeText(report.title)}\n\n${formatPairs(head)}${sections.join('')}`;
}

function formatMarkdownReport(report: Report, staleness: string | null): string {
  const head = listHead(report, staleness).map(
    ([name, value]) => `- ${name === '' ? '' : `${name}: `}${escapeMarkdown(value)}\n`,
  );
  const sections = report.data.map((section) => {
    const rows =
      section.rows.length === 0 ? 'none\n' : formatMarkdown(toColumns(section), section.rows);
    return `\n## ${escapeMarkdown(section.title)}\n\n${escapeMarkdown(section.note)}\n\n${rows}`;
  });
  return `# ${escapeMarkdown(report.title)}\n\n${head.join('')}${sections.join('')}`;
}
