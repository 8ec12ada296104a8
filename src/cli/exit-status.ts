/** What a failure turns into at the edge: one exit status and one line. */
import { NsauditError, type ErrorCode } from '../domain/errors.ts';

/**
 * Exit statuses that scripts rely on. 69 to 75 are those of sysexits.h. 1 never stands for an error:
 * it says that nothing matched, and only when --exit-status asked for it.
 */
export const EXIT_STATUS = {
  ok: 0,
  noMatch: 1,
  usage: 2,
  policy: 3,
  integrity: 4,
  incomplete: 5,
  unavailable: 69,
  internal: 70,
  io: 74,
  busy: 75,
} as const;

const STATUS_BY_CODE: Readonly<Record<ErrorCode, number>> = {
  usage: EXIT_STATUS.usage,
  'not-found': EXIT_STATUS.ok,
  pruned: EXIT_STATUS.incomplete,
  policy: EXIT_STATUS.policy,
  integrity: EXIT_STATUS.integrity,
  incomplete: EXIT_STATUS.incomplete,
  unavailable: EXIT_STATUS.unavailable,
  io: EXIT_STATUS.io,
  busy: EXIT_STATUS.busy,
};

export interface Failure {
  readonly status: number;
  /** One sentence; may still hold characters of somebody else's making. */
  readonly message: string;
}

/**
 * The status and the sentence of an error. Something that was asked for and does not exist is an
 * answer, not an error: it exits 0, or 1 with `noMatchStatus` of 1.
 */
export function toFailure(error: unknown, noMatchStatus: number = EXIT_STATUS.ok): Failure {
  if (error instanceof NsauditError) {
    const status = error.code === 'not-found' ? noMatchStatus : STATUS_BY_CODE[error.code];
    return { status, message: withCause(error) };
  }
  return {
    status: EXIT_STATUS.internal,
    message: `internal error: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}; this is a fault of nsaudit, so please report it with the output of the same command under NSAUDIT_DEBUG=1.`,
  };
}

/** Appends what the operating system said (errno(3)), unless the sentence says it already. */
function withCause({ message, cause }: NsauditError): string {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!(cause instanceof Error) || !/^E[A-Z\d]+$/.test(errno) || message.includes(errno)) {
    return message;
  }
  return `${message.replace(/[.]$/, '')} (${cause.message}).`;
}
