/**
 * The time grammar of every option and parameter: RFC 3339, the timestamps of systemd.time(7), `boot`
 * and `seq:123`. Pure: what `today` and `-2h` mean is decided by the instant passed in.
 *
 * Everything is UTC. Dates whose order of day and month depends on the reader's country are refused.
 */
import { NsauditError } from './errors.ts';
import { fromRfc3339, US_PER_DAY, US_PER_SECOND } from './time.ts';

export type TimeReference =
  | {
      readonly kind: 'wall';
      readonly wallUs: number;
      /** Set for what depends on the instant of asking: `-2h`, `today`, `10:17`. */
      readonly isRelative?: true;
    }
  /** The latest instant that was watched, which is a moment earlier than the reader's now. */
  | { readonly kind: 'now' }
  /** The instant of an event of the log. */
  | { readonly kind: 'seq'; readonly seq: number }
  /** The start of the running boot. */
  | { readonly kind: 'boot' };

/** One sentence part for help texts and errors. */
export const TIME_FORMS =
  'RFC 3339 (2026-11-22T10:17:03Z), 2026-11-22 [10:17[:03[.5]]], 10:17[:03], now, today, yesterday, tomorrow, -2h, +5min, 1h 30min ago, @1732270000, boot or seq:123, all UTC';

const UNITS_US: readonly (readonly [us: number, words: string])[] = [
  [1, 'usec us µs μs'],
  [1_000, 'msec ms'],
  [US_PER_SECOND, 'seconds second sec s'],
  [60 * US_PER_SECOND, 'minutes minute min m'],
  [3_600 * US_PER_SECOND, 'hours hour hr h'],
  [US_PER_DAY, 'days day d'],
  [7 * US_PER_DAY, 'weeks week w'],
  // systemd.time(7): a month is 30.44 days and a year 365.25.
  [2_629_800 * US_PER_SECOND, 'months month M'],
  [31_557_600 * US_PER_SECOND, 'years year y'],
];

const US_BY_UNIT: ReadonlyMap<string, number> = new Map(
  UNITS_US.flatMap(([us, words]) => words.split(' ').map((word) => [word, us] as const)),
);

const DATE_AND_TIME =
  /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?(?: UTC|Z)?$/;
const TIME_OF_DAY = /^(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(?: UTC)?$/;
const EPOCH = /^@(\d{1,11})(?:\.(\d{1,6}))?$/;
const SEQ = /^seq:(\d{1,15})$/;
const SPAN = /^(?:\d+(?:\.\d+)?\s*[A-Za-zµμ]+\s*)+$/;
const SPAN_PART = /(\d+(?:\.\d+)?)\s*([A-Za-zµμ]+)/g;

/**
 * Parses what people and scripts write for an instant; `nowUs` is wall time in epoch microseconds.
 *
 * Errors: NsauditError `usage` naming the text and the accepted forms.
 */
export function parseTime(text: string, { nowUs }: { nowUs: number }): TimeReference {
  const trimmed = text.trim();
  const seq = SEQ.exec(trimmed);
  if (seq) {
    return { kind: 'seq', seq: Number(seq[1]) };
  }
  if (trimmed === 'boot' || trimmed === 'now') {
    return { kind: trimmed };
  }
  const absoluteUs = parseAbsolute(trimmed);
  const wallUs = absoluteUs ?? parseRelative(trimmed, nowUs);
  if (wallUs === undefined) {
    throw new NsauditError('usage', `cannot read the time "${text}": use ${TIME_FORMS}.`);
  }
  if (Math.abs(wallUs) >= Number.MAX_SAFE_INTEGER) {
    throw new NsauditError('usage', `the time "${text}" lies outside the years 1685 to 2255.`);
  }
  return { kind: 'wall', wallUs, ...(absoluteUs === undefined && { isRelative: true }) };
}

function parseAbsolute(text: string): number | undefined {
  const epoch = EPOCH.exec(text);
  if (epoch) {
    return Number(epoch[1]) * US_PER_SECOND + parseFraction(epoch[2]);
  }
  const full = DATE_AND_TIME.exec(text);
  if (full) {
    const [, date, time = '00:00', second = '00', fraction = '0'] = full;
    return fromRfc3339(`${date}T${time}:${second}.${fraction}Z`);
  }
  return fromRfc3339(text);
}

function parseRelative(text: string, nowUs: number): number | undefined {
  const todayUs = Math.floor(nowUs / US_PER_DAY) * US_PER_DAY;
  switch (text) {
    case 'today':
      return todayUs;
    case 'yesterday':
      return todayUs - US_PER_DAY;
    case 'tomorrow':
      return todayUs + US_PER_DAY;
    default:
      return parseTimeOfDay(text, todayUs) ?? parseDistance(text, nowUs);
  }
}

function parseTimeOfDay(text: string, todayUs: number): number | undefined {
  const match = TIME_OF_DAY.exec(text);
  if (!match) {
    return undefined;
  }
  const [, time, second = '00', fraction = '0'] = match;
  const ofDayUs = fromRfc3339(`1970-01-01T${time}:${second}.${fraction}Z`);
  return ofDayUs === undefined ? undefined : todayUs + ofDayUs;
}

function parseFraction(digits = ''): number {
  return Number(digits.padEnd(6, '0'));
}

function parseDistance(text: string, nowUs: number): number | undefined {
  if (text.endsWith(' ago')) {
    return addSpan(nowUs, -1, text.slice(0, -' ago'.length));
  }
  if (text.startsWith('-')) {
    return addSpan(nowUs, -1, text.slice(1));
  }
  return text.startsWith('+') ? addSpan(nowUs, 1, text.slice(1)) : undefined;
}

function addSpan(nowUs: number, sign: 1 | -1, span: string): number | undefined {
  const spanUs = parseSpanUs(span);
  return spanUs === undefined ? undefined : nowUs + sign * spanUs;
}

/**
 * Parses a duration such as `500ms`, `1s` or `1h 30min` with the unit words of systemd.time(7) into
 * microseconds; undefined for anything else. A bare number has no unit and is refused.
 */
export function parseSpanUs(text: string): number | undefined {
  const trimmed = text.trim();
  if (!SPAN.test(trimmed)) {
    return undefined;
  }
  let spanUs = 0;
  for (const [, amount, unit = ''] of trimmed.matchAll(SPAN_PART)) {
    const unitUs = US_BY_UNIT.get(unit);
    if (unitUs === undefined) {
      return undefined;
    }
    spanUs += Number(amount) * unitUs;
  }
  return Math.round(spanUs);
}
