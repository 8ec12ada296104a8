/**
 * The small values that options, query strings and query parameters share: lists of types and numbers.
 *
 * Errors of all: NsauditError `usage` naming the value, where it was given, and what is accepted.
 */
import { NsauditError } from './errors.ts';
import { isNamespaceType, NAMESPACE_TYPES, type NamespaceType } from './namespace-type.ts';

/** Parses `net,mnt` into types, each once, in the order given. */
export function parseTypes(text: string): NamespaceType[] {
  const types = text.split(',').map((word) => parseType(word.trim()));
  return [...new Set(types)];
}

/** Parses one namespace type as /proc/PID/ns spells it. */
export function parseType(text: string): NamespaceType {
  if (!isNamespaceType(text)) {
    throw new NsauditError(
      'usage',
      `"${text}" is no namespace type: use one or more of ${NAMESPACE_TYPES.join(', ')}, separated by commas.`,
    );
  }
  return text;
}

/** Parses decimal digits into an integer from `min` to `max`; `what` names the option or parameter. */
export function parseInteger(
  text: string,
  { what, min, max = Number.MAX_SAFE_INTEGER }: { what: string; min: number; max?: number },
): number {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new NsauditError('usage', `${what} "${text}" is not a whole number ${range}.`);
  }
  return value;
}

/** Largest value of pid_t: a pid is a positive i32. */
const PID_MAX = 0x7fff_ffff;

/** Parses a process id. */
export function parsePid(text: string): number {
  return parseInteger(text, { what: 'pid', min: 1, max: PID_MAX });
}

/** Parses a log position or an event's seq: 0 stands before the first event. */
export function parseSeq(text: string): number {
  return parseInteger(text, { what: 'seq', min: 0 });
}

const BYTES = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/;
const BYTE_UNITS = ['', 'K', 'M', 'G', 'T'];

/** Parses a size in bytes, with a suffix of base 1024 as journalctl(1) has them; `what` names the option. */
export function parseBytes(text: string, what: string): number {
  const [, amount = '', unit = ''] = BYTES.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(amount) * 1024 ** BYTE_UNITS.indexOf(unit));
  if (amount === '' || !Number.isSafeInteger(bytes)) {
    throw new NsauditError(
      'usage',
      `${what}: "${text}" is no size: write 500M, 4G or a number of bytes; K, M, G and T are powers of 1024.`,
    );
  }
  return bytes;
}
