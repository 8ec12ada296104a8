import { z } from 'zod';
import { answerSchema } from '../../domain/json.ts';
import type { QueryDescription } from '../../history/history.ts';
import type { Context } from '../context.ts';
import { limitParameter } from '../parameters.ts';
import { ParameterError } from '../problem.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';
import { queryDescriptionSchema, queryRowSchema } from '../schemas.ts';

const nameParameter = z.string().min(1).meta({ description: 'as in /v1/queries' });

/** Values are text; the query says which type each has. */
const furtherParameters = z
  .string()
  .meta({ description: 'the parameters of the query, each under its own name' });

/** `/v1/queries` and `/v1/queries/{name}`. */
export function queryRoutes({ history }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/queries',
      operation: 'queries',
      summary: 'The named queries, with their parameters and columns',
      pathParameters: z.object({}),
      query: z.object({}),
      answers: { 'application/json': z.object({ data: z.array(queryDescriptionSchema) }) },
      problems: [],
      answer: (_input, _request, reply) => sendJson(reply, { data: history.queries() }),
    }),
    defineRoute({
      path: '/v1/queries/{name}',
      operation: 'query',
      summary: 'The rows of a named query',
      pathParameters: z.object({ name: nameParameter }),
      query: z.object({ limit: limitParameter }).catchall(furtherParameters),
      answers: { 'application/json': answerSchema(queryRowSchema) },
      problems: ['not-found', 'pruned'],
      answer({ path: { name }, query: { limit, ...parameters } }, _request, reply) {
        const description = history.queries().find((query) => query.name === name);
        if (description) {
          refuseUnknown(description, Object.keys(parameters));
        }
        return sendJson(reply, history.query({ name, parameters, limit }));
      },
    }),
  ];
}

function refuseUnknown(query: QueryDescription, names: readonly string[]): void {
  const known = [...query.parameters.map((parameter) => parameter.name), 'limit'];
  const faults = names
    .filter((name) => !known.includes(name))
    .map((parameter) => ({
      parameter,
      detail: `is unknown; the query ${query.name} takes ${known.join(', ')}.`,
    }));
  if (faults.length > 0) {
    throw new ParameterError(faults);
  }
}
