/**
 * The closed list of things that can go wrong, each with a stable code. Edges map the code to an exit
 * status or an HTTP status; nothing in here knows about either.
 *
 * A message is one sentence: what, where, and what to do. The original error stays as `cause`.
 */
export const ERROR_CODES = [
  /** The caller wrote something we do not accept: an option, a time, a target, a parameter. */
  'usage',
  /** The thing asked for does not exist: a lifespan, a query, a report. */
  'not-found',
  /** The answer was there once and has been pruned. */
  'pruned',
  /** The window asked about touches a time that was not watched, and the caller said that matters. */
  'policy',
  /** The log does not verify. */
  'integrity',
  /** Verification could not look at everything. */
  'incomplete',
  /** The state directory or a database is missing, of another version, or not ours. */
  'unavailable',
  /** The operating system refused: permission, full disk, read error. */
  'io',
  /** Somebody else holds what we need; trying again may work. */
  'busy',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export class NsauditError extends Error {
  override readonly name = 'NsauditError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A broken promise of our own code, never of the input. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws InvariantError when `condition` is false: use it where a wrong value would be stored as evidence. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new InvariantError(message);
  }
}

/** Makes a switch exhaustive: the compiler refuses the call while a case is missing. */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected value ${JSON.stringify(value)}`);
}
