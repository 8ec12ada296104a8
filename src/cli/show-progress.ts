/**
 * How far long work over the log has come, in one line of a terminal that is written over and at last removed.
 * Where stderr is none, nothing is shown: neither cron nor a file wants to read it.
 */
import { US_PER_MS, US_PER_SECOND } from '../domain/time.ts';
import type { OnProgress } from '../store/progress.ts';
import type { CommandContext } from './command-context.ts';

/** Not oftener than can be read. */
const SHOWN_EVERY_US = 100 * US_PER_MS;

/**
 * Runs `work` and shows what it reports as `what`. Times are those of `nowUs`: a clock that is set meanwhile
 * makes rate and remaining time wrong, and nothing else. The line is gone when this settles.
 */
export async function showProgress<Result>(
  { output, options, nowUs }: Pick<CommandContext, 'output' | 'options' | 'nowUs'>,
  what: string,
  work: (onProgress: OnProgress) => Result | Promise<Result>,
): Promise<Result> {
  const { statusLine } = output;
  if (statusLine === null || options.has('quiet')) {
    return work(() => {});
  }
  let first: Seen | null = null;
  let shownUs = Number.NEGATIVE_INFINITY;
  try {
    return await work((doneEvents, totalEvents) => {
      const seen = { doneEvents, atUs: nowUs() };
      first ??= seen;
      if (seen.atUs - shownUs >= SHOWN_EVERY_US || doneEvents === totalEvents) {
        shownUs = seen.atUs;
        statusLine(`${what}: ${describeProgress(first, seen, totalEvents)}`);
      }
    });
  } finally {
    statusLine(null);
  }
}

interface Seen {
  readonly doneEvents: number;
  readonly atUs: number;
}

/** The rate is that since the first report, so that what was done before it does not count. */
export function describeProgress(first: Seen, { doneEvents, atUs }: Seen, total: number): string {
  const percent = total === 0 ? 100 : Math.floor((doneEvents * 100) / total);
  const events = `${doneEvents} of ${total} events (${percent} %)`;
  const perSecond = ((doneEvents - first.doneEvents) * US_PER_SECOND) / (atUs - first.atUs);
  if (!Number.isFinite(perSecond) || perSecond <= 0) {
    return events;
  }
  const seconds = Math.ceil((total - doneEvents) / perSecond);
  const rest = doneEvents === total ? 'finishing' : `about ${seconds} s left`;
  return `${events}, ${Math.round(perSecond)} a second, ${rest}`;
}
