import { z } from 'zod';
import type { Context } from '../context.ts';
import { defineRoute, type Route } from '../route.ts';

/** `/v1/checkpoint`: the newest signed note, as it is. */
export function checkpointRoutes({ history }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/checkpoint',
      operation: 'checkpoint',
      summary: 'The newest signed checkpoint of the log: a note as c2sp.org/tlog-checkpoint has it',
      pathParameters: z.object({}),
      query: z.object({}),
      answers: { 'text/plain; charset=utf-8': null },
      problems: ['not-found'],
      answer: (_input, _request, reply) =>
        reply.type('text/plain; charset=utf-8').send(history.checkpoint().note),
    }),
  ];
}
