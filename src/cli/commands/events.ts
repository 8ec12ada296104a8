/** `nsaudit events`: the log in order, and what is appended to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { NsauditError } from '../../domain/errors.ts';
import { EVENT_NAMES } from '../../domain/event.ts';
import { NAMESPACE_TYPES } from '../../domain/namespace-type.ts';
import { LIMIT_MAX, type History } from '../../history/history.ts';
import { askHistory } from '../ask.ts';
import { selectColumns } from '../columns.ts';
import type { CommandContext } from '../command-context.ts';
import { eventColumns } from '../event-columns.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { toJsonLine } from '../format-rows.ts';
import { formatRows, presentRows, printAnswer } from '../print-answer.ts';
import {
  readAfter,
  readFormat,
  readPage,
  readPrintOptions,
  readProofSeq,
  readWindow,
  type PrintOptions,
} from '../read-options.ts';

/** The collector appends once a scan; looking more often would show nothing earlier. */
const POLL_INTERVAL_MS = 250;
/** Events before the present that --follow starts with, as journalctl(1) does. */
const FOLLOW_START_COUNT = 10;

const presentation = presentRows(eventColumns);

/** Wide enough for what comes later, so that the columns stay where they are. */
const minimumWidths = {
  seq: 6,
  event: Math.max(...EVENT_NAMES.map(({ length }) => length)),
  lifespan: 8,
  type: Math.max(...NAMESPACE_TYPES.map(({ length }) => length)),
  inum: 10,
};

export async function run(context: CommandContext): Promise<number> {
  const { options, output } = context;
  const proofSeq = readProofSeq(options);
  if (proofSeq !== undefined) {
    return await printProof(context, proofSeq);
  }
  const print = readPrintOptions(context);
  selectColumns(eventColumns, print.fields);
  if (options.has('follow')) {
    return await follow(context, print);
  }
  const request = { after: readAfter(options), ...readWindow(context), ...readPage(options) };
  return await askHistory(context, (history) => {
    const answer = history.events(request);
    const status = printAnswer(output, answer, presentation, print);
    const last = answer.data.at(-1);
    if (answer.page.next !== null && last && !print.isQuiet && print.format !== 'json') {
      const { head } = history.status();
      output.say(
        `the log ends at ${head}: --after ${Math.max(0, head - answer.data.length)} shows its end.`,
      );
    }
    return status;
  });
}

async function printProof(context: CommandContext, seq: number): Promise<number> {
  const format = readFormat(context.options, ['table', 'json']);
  return await askHistory(context, (history) => {
    const { text, ...proof } = history.proof(seq);
    context.output.write(format === 'json' ? toJsonLine(proof) : text);
    return EXIT_STATUS.ok;
  });
}

async function follow(context: CommandContext, print: PrintOptions): Promise<number> {
  const { options, output, untilStopped } = context;
  if (print.format === 'json' || print.format === 'markdown') {
    throw new NsauditError(
      'usage',
      `--follow has no end, and ${print.format} needs one: use -o table, ndjson or csv.`,
    );
  }
  for (const name of ['until', 'cursor'] as const) {
    if (options.has(name)) {
      throw new NsauditError('usage', `--${name} contradicts --follow, which goes on from here.`);
    }
  }
  const { since } = readWindow(context);
  const after = readAfter(options);
  const { limit = FOLLOW_START_COUNT } = readPage(options);
  const signal = AbortSignal.any([untilStopped(), output.closed]);
  return await askHistory(context, async (history) => {
    const isFromNow = after === undefined && since === undefined;
    const start = isFromNow ? Math.max(0, history.status().head - limit) : after;
    await printAppended(history, { after: start, since, signal }, (rows, isFirst) => {
      const hasHeader = isFirst && print.hasHeader;
      output.write(formatRows(rows, { ...presentation, minimumWidths }, { ...print, hasHeader }));
    });
    return EXIT_STATUS.ok;
  });
}

type Since = Parameters<History['events']>[0]['since'];

/** Reads pages after the last seq until stopped; an empty first page is passed on too, for its header. */
async function printAppended(
  history: History,
  { after, since, signal }: { after: number | undefined; since: Since; signal: AbortSignal },
  print: (rows: ReturnType<History['events']>['data'], isFirst: boolean) => void,
): Promise<void> {
  let position = after;
  let isFirst = true;
  while (!signal.aborted) {
    const { data } = history.events({ after: position, since, limit: LIMIT_MAX });
    if (data.length > 0 || isFirst) {
      print(data, isFirst);
      isFirst = false;
    }
    position = data.at(-1)?.seq ?? position;
    if (data.length < LIMIT_MAX) {
      await pause(signal);
    }
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(POLL_INTERVAL_MS, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}
