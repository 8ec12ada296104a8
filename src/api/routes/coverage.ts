import { z } from 'zod';
import { answerSchema } from '../../domain/json.ts';
import type { Context } from '../context.ts';
import { pageParameters } from '../parameters.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';
import { coverageRowSchema } from '../schemas.ts';

/** `/v1/coverage`. */
export function coverageRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/coverage',
      operation: 'coverage',
      summary: 'When the host was watched, how closely, and the gaps between',
      pathParameters: z.object({}),
      query: z.object({ ...times.window, ...pageParameters }),
      answers: { 'application/json': answerSchema(coverageRowSchema) },
      problems: ['pruned'],
      answer: ({ query }, _request, reply) => sendJson(reply, history.coverage(query)),
    }),
  ];
}
