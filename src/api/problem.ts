/**
 * Errors as people on the other end of HTTP see them: RFC 9457 problem documents, and the one place
 * that maps error codes to HTTP statuses.
 *
 * `detail` is the message of the error, which is written for people and may name a path of the state
 * directory: whoever may ask at all may know where the answer is kept. Stacks and causes stay in the log.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { NsauditError, type ErrorCode } from '../domain/errors.ts';

/** Conditions that exist only between a client and this server. */
type HttpCode =
  | 'unauthorized'
  | 'foreign-origin'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'misdirected'
  | 'internal';

export type ProblemCode = ErrorCode | HttpCode;

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** Seconds after which it is worth asking again. */
  readonly retryAfterSeconds?: number;
}

export const PROBLEM_KINDS: Readonly<Record<ProblemCode, ProblemKind>> = {
  usage: { status: 400, title: 'The request cannot be understood' },
  unauthorized: { status: 401, title: 'A token is needed' },
  'foreign-origin': { status: 403, title: 'Requests of other origins are refused' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'This API only answers questions' },
  'not-acceptable': { status: 406, title: 'No such representation' },
  policy: { status: 409, title: 'The time asked about was not fully watched' },
  pruned: { status: 410, title: 'This part of the log has been pruned' },
  misdirected: { status: 421, title: 'This server is not that host' },
  integrity: { status: 500, title: 'The log does not verify' },
  incomplete: { status: 500, title: 'Not everything could be looked at' },
  io: { status: 500, title: 'The operating system refused' },
  internal: { status: 500, title: 'nsaudit made a mistake' },
  unavailable: { status: 503, title: 'The record cannot be read', retryAfterSeconds: 5 },
  busy: { status: 503, title: 'Too much is going on', retryAfterSeconds: 2 },
};

const faultSchema = z.union([
  z.object({
    parameter: z.string().meta({ description: 'name of the path, query or header parameter' }),
    detail: z.string(),
  }),
  z.object({
    pointer: z.string().meta({ description: 'RFC 6901 pointer' }),
    detail: z.string(),
  }),
]);

export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'urn:nsaudit:problem:CODE' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string().meta({ description: 'path of the request' }),
    errors: z.array(faultSchema).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });

type Problem = z.infer<typeof problemSchema>;

export interface ParameterFault {
  readonly parameter: string;
  readonly detail: string;
}

/** One or more path, query or header parameters that are not accepted; all of them at once. */
export class ParameterError extends NsauditError {
  readonly faults: readonly ParameterFault[];

  constructor(faults: readonly ParameterFault[]) {
    super('usage', faults.map(({ parameter, detail }) => `${parameter}: ${detail}`).join(' '));
    this.faults = faults;
  }
}

/** Why a request gets no answer. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly faults?: readonly ParameterFault[];
}

/** What the client is told about an error; what is not of our own taxonomy is told without particulars. */
export function toRefusal(error: unknown, requestId: string): Refusal {
  if (error instanceof ParameterError) {
    return { code: error.code, detail: error.message, faults: error.faults };
  }
  if (error instanceof NsauditError) {
    return { code: error.code, detail: error.message };
  }
  if (isRequestError(error)) {
    return { code: 'usage', detail: error.message };
  }
  return {
    code: 'internal',
    detail: `The answer could not be made; the server's log says why, under request ${requestId}.`,
  };
}

/** Errors that fastify itself raises about a request: a URL that cannot be decoded, a parameter that is too long. */
function isRequestError(error: unknown): error is Error {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500;
}

/** Path of a request without its query string, which may hold a token. */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

export function toProblem(refusal: Refusal, url: string): Problem {
  const { code, detail, faults } = refusal;
  const { status, title } = PROBLEM_KINDS[code];
  return {
    type: `urn:nsaudit:problem:${code}`,
    title,
    status,
    detail,
    instance: pathOf(url),
    ...(faults && { errors: [...faults] }),
  };
}

/** Answers a request with a problem document. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
): FastifyReply {
  const { status, retryAfterSeconds } = PROBLEM_KINDS[refusal.code];
  if (retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(retryAfterSeconds));
  }
  return reply
    .code(status)
    .headers(refusal.headers ?? {})
    .type('application/problem+json')
    .send(`${JSON.stringify(toProblem(refusal, request.url))}\n`);
}
