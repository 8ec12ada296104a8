/**
 * A route as data: the one table of them drives registration, the check of parameters, the answer to
 * wrong methods, and the OpenAPI document.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ParameterError, type ParameterFault, type ProblemCode } from './problem.ts';

type Fields = z.ZodObject;

/** Schema of a 200 answer by media type; null where the body is text without a schema. */
type Representations = Readonly<Record<string, z.ZodType | null>>;

interface RouteDescription {
  /** As in OpenAPI: `/v1/lifespans/{id}`. */
  readonly path: string;
  /** Unique and stable: generated clients name their functions after it. */
  readonly operation: string;
  readonly summary: string;
  readonly pathParameters: Fields;
  /** A schema with a catchall takes any further parameter; every other refuses what it does not name. */
  readonly query: Fields;
  readonly headers?: Fields;
  readonly answers: Representations;
  /** Problems besides those that every route can answer with. */
  readonly problems: readonly ProblemCode[];
  /** Answers without a token: says nothing about the record. */
  readonly isOpen?: boolean;
}

interface RouteDefinition<Path extends Fields, Query extends Fields> extends RouteDescription {
  readonly pathParameters: Path;
  readonly query: Query;
  readonly answer: (
    input: { path: z.output<Path>; query: z.output<Query> },
    request: FastifyRequest,
    reply: FastifyReply,
  ) => FastifyReply | Promise<FastifyReply>;
}

export interface Route extends RouteDescription {
  /**
   * Reads the parameters and answers.
   *
   * Errors: ParameterError naming every parameter that is not accepted; those of the history.
   */
  handle(request: FastifyRequest, reply: FastifyReply): FastifyReply | Promise<FastifyReply>;
}

export function defineRoute<Path extends Fields, Query extends Fields>(
  definition: RouteDefinition<Path, Query>,
): Route {
  const { answer, ...description } = definition;
  return {
    ...description,
    handle(request, reply) {
      const path = readFields(definition.pathParameters, request.params);
      const query = readFields(definition.query, request.query);
      return answer({ path, query }, request, reply);
    },
  };
}

/** Parameters that may be given several times; `type=net&type=mnt` means `type=net,mnt`. */
const REPEATABLE = new Set(['type']);

function readFields<Schema extends Fields>(schema: Schema, raw: unknown): z.output<Schema> {
  const { single, faults } = readText(schema, Object.entries(raw as Record<string, unknown>));
  const result = schema.safeParse(single);
  const refused = new Set(faults.map(({ parameter }) => parameter));
  for (const issue of result.error?.issues ?? []) {
    const parameter = String(issue.path[0] ?? '');
    if (!refused.has(parameter)) {
      faults.push({ parameter, detail: issue.message });
    }
  }
  if (!result.success || faults.length > 0) {
    throw new ParameterError(faults);
  }
  return result.data;
}

function readText(
  schema: Fields,
  entries: readonly (readonly [string, unknown])[],
): { single: Record<string, string>; faults: ParameterFault[] } {
  const known = Object.keys(schema.shape);
  const isOpen = schema.def.catchall !== undefined;
  const single: [string, string][] = [];
  const faults: ParameterFault[] = [];
  for (const [parameter, value] of entries) {
    if (!isOpen && !known.includes(parameter)) {
      faults.push({ parameter, detail: explainUnknown(known) });
    } else if (typeof value === 'string') {
      single.push([parameter, value]);
    } else if (Array.isArray(value) && REPEATABLE.has(parameter)) {
      single.push([parameter, value.join(',')]);
    } else {
      faults.push({ parameter, detail: 'is given more than once.' });
    }
  }
  return { single: Object.fromEntries(single), faults };
}

function explainUnknown(known: readonly string[]): string {
  return known.length === 0
    ? 'is unknown; this route takes no parameters.'
    : `is unknown; this route takes ${known.join(', ')}.`;
}

/** `/v1/lifespans/{id}` as fastify writes it: `/v1/lifespans/:id`. */
export function toFastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Whether a path of a request is one of a route's. */
export function buildPathMatcher(routes: readonly Route[]): (path: string) => boolean {
  const patterns = routes.map(
    ({ path }) => new RegExp(`^${path.replaceAll('.', '[.]').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  );
  return (path) => patterns.some((pattern) => pattern.test(path));
}

/** Sends what the command line prints with `-o json`: the same text, and a newline for terminals. */
export function sendJson(reply: FastifyReply, answer: unknown): FastifyReply {
  return reply.type('application/json').send(`${JSON.stringify(answer)}\n`);
}
