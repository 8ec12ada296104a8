import { z } from 'zod';
import { answerSchema } from '../../domain/json.ts';
import type { Context } from '../context.ts';
import { pageParameters, pidParameter } from '../parameters.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';
import { processSchema } from '../schemas.ts';

/** `/v1/processes/{pid}`. */
export function processRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/processes/{pid}',
      operation: 'process',
      summary:
        'The namespaces a process was in; without `at`, all of its memberships, newest first',
      pathParameters: z.object({ pid: pidParameter }),
      query: z.object({ at: times.at, ...pageParameters }),
      answers: { 'application/json': answerSchema(processSchema) },
      problems: ['not-found', 'pruned'],
      answer: ({ path, query }, _request, reply) =>
        sendJson(reply, history.process({ ...query, pid: path.pid })),
    }),
  ];
}
