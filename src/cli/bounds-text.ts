/** Instants and spans of time for people: never more certain than what was observed. */
import type { LifespanJson } from '../domain/json.ts';
import { fromRfc3339, toRfc3339, US_PER_MS, US_PER_SECOND } from '../domain/time.ts';

type BoundsJson = LifespanJson['born'];

/** Explains the notation of formatBounds in help texts. */
export const BOUNDS_NOTATION =
  'A birth or an end is known to lie between two instants. "2026-11-22T10:17:03.513Z -1.01s" reads: at 10:17:03.513 at the latest, and at most 1.01 s earlier. "before 2026-11-22T10:17:03.513Z" was already so when watching began. An instant with six digits alone was told by the kernel and is exact. json, ndjson and csv have both bounds and the evidence for them.';

/**
 * Both bounds in one cell. What is shown contains what was recorded: the later bound is rounded up to
 * milliseconds, the span back to the earlier one is rounded up too.
 */
export function formatBounds(bounds: BoundsJson | null): string | null {
  if (bounds === null) {
    return null;
  }
  if (bounds.after === bounds.by) {
    return bounds.by;
  }
  const byUs = ceilTo(parseInstant(bounds.by), US_PER_MS);
  const by = `${toRfc3339(byUs).slice(0, -4)}Z`;
  return bounds.after === null
    ? `before ${by}`
    : `${by} -${formatSpan(byUs - parseInstant(bounds.after))}`;
}

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

/** Microseconds as `350us`, `1.5ms`, `436ms`, `1.01s`, `2m05s`, `3h12m` or `4d02h`: rounded up, and readable by the time grammar. */
export function formatSpan(spanUs: number): string {
  if (spanUs < US_PER_MS) {
    return `${spanUs}us`;
  }
  if (spanUs < US_PER_SECOND) {
    const tenths = Math.ceil(spanUs / 100);
    const milliseconds = tenths < 100 ? tenths / 10 : Math.ceil(spanUs / US_PER_MS);
    return milliseconds < 1_000 ? `${milliseconds}ms` : '1s';
  }
  const hundredths = Math.ceil(spanUs / 10_000);
  if (hundredths < MINUTE_S * 100) {
    return `${hundredths / 100}s`;
  }
  const seconds = Math.ceil(spanUs / US_PER_SECOND);
  if (seconds < HOUR_S) {
    return `${Math.floor(seconds / MINUTE_S)}m${pad(seconds % MINUTE_S)}s`;
  }
  const minutes = Math.ceil(seconds / MINUTE_S);
  if (minutes < DAY_S / MINUTE_S) {
    return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
  }
  const hours = Math.ceil(minutes / 60);
  return `${Math.floor(hours / 24)}d${pad(hours % 24)}h`;
}

/** Microseconds as `350us`, `121.556ms` or `3h0m12.5s`, exactly: for columns that may be a bound from either side. */
export function formatSpanExactly(spanUs: number): string {
  if (spanUs < US_PER_MS) {
    return `${spanUs}us`;
  }
  if (spanUs < US_PER_SECOND) {
    return `${spanUs / US_PER_MS}ms`;
  }
  const minuteUs = MINUTE_S * US_PER_SECOND;
  const minutes = Math.floor(spanUs / minuteUs);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  const rest = `${(spanUs % minuteUs) / US_PER_SECOND}s`;
  const parts = [
    ...(days > 0 ? [`${days}d`] : []),
    ...(days + hours > 0 ? [`${hours}h`] : []),
    ...(minutes > 0 ? [`${minutes % 60}m`] : []),
  ];
  return `${parts.join('')}${rest}`;
}

/** The span between two instants of an answer. */
export function formatDistance(from: string, to: string): string {
  return formatSpan(Math.max(0, parseInstant(to) - parseInstant(from)));
}

function parseInstant(text: string): number {
  return fromRfc3339(text) ?? 0;
}

function ceilTo(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
