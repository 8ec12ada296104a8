/**
 * Instants as integer microseconds, and their text form in JSON: RFC 3339 UTC with six digits.
 *
 * Microseconds stay exact in a JS number until the year 2255. Everything stored uses the host timeline
 * (wall-clock.ts); text is always wall time.
 */
export const US_PER_MS = 1_000;
export const US_PER_SECOND = 1_000_000;
export const US_PER_DAY = 86_400 * US_PER_SECOND;

/** USER_HZ: the unit of every clock-tick field in /proc on all architectures Node runs on. */
const TICKS_PER_SECOND = 100;
export const US_PER_TICK = US_PER_SECOND / TICKS_PER_SECOND;

/** Stands for "has not ended" where an interval needs a number: 2^53 - 1, exact and larger than any instant. */
export const FOREVER_US = Number.MAX_SAFE_INTEGER;

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

/** Formats epoch microseconds as `2026-11-22T10:17:03.000042Z`. */
export function toRfc3339(epochUs: number): string {
  const day = Math.floor(epochUs / US_PER_DAY);
  const ofDayUs = epochUs - day * US_PER_DAY;
  const second = Math.floor(ofDayUs / US_PER_SECOND);
  const minute = Math.floor(second / 60);
  const hour = Math.floor(minute / 60);
  const us = String(ofDayUs - second * US_PER_SECOND).padStart(6, '0');
  return `${toDate(day)}T${twoDigits(hour)}:${twoDigits(minute - hour * 60)}:${twoDigits(second - minute * 60)}.${us}Z`;
}

/** The date last formatted: answers have hundreds of instants, nearly all of one day. */
let lastDate = { day: Number.NaN, text: '' };

function toDate(day: number): string {
  if (day !== lastDate.day) {
    const text = new Date(day * (US_PER_DAY / US_PER_MS)).toISOString();
    lastDate = { day, text: text.slice(0, text.indexOf('T')) };
  }
  return lastDate.text;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** Parses RFC 3339 with any offset and up to nine fraction digits (cut to six); undefined when it is not that. */
export function fromRfc3339(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (!match) {
    return undefined;
  }
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const whole = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC rolls 31 February over into March; a date that does not exist is no date.
  const isReal = new Date(whole)
    .toISOString()
    .startsWith(`${year}-${month}-${day}T${hour}:${minute}:${second}`);
  const offsetMs = zoneOffsetMs(zone);
  if (!isReal || offsetMs === undefined) {
    return undefined;
  }
  return (whole - offsetMs) * US_PER_MS + Number(fraction.padEnd(6, '0').slice(0, 6));
}

function zoneOffsetMs(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') {
    return 0;
  }
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) {
    return undefined;
  }
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
