import { z } from 'zod';
import { answerSchema, holderJsonSchema, lifespanJsonSchema } from '../../domain/json.ts';
import type { Context } from '../context.ts';
import { lifespanParameter, observersParameter, pageParameters } from '../parameters.ts';
import { ParameterError } from '../problem.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';

/** `/v1/lifespans/{id}` and `/v1/lifespans/{id}/holders`. */
export function lifespanRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/lifespans/{id}',
      operation: 'lifespan',
      summary: 'One life of one namespace',
      pathParameters: z.object({ id: lifespanParameter }),
      query: z.object({ observers: observersParameter }),
      answers: { 'application/json': answerSchema(lifespanJsonSchema) },
      problems: ['not-found', 'pruned'],
      answer: ({ path, query }, _request, reply) =>
        sendJson(reply, history.lifespan(path.id, query)),
    }),
    defineRoute({
      path: '/v1/lifespans/{id}/holders',
      operation: 'lifespanHolders',
      summary: 'What held a namespace, at an instant or in a window, oldest first',
      pathParameters: z.object({ id: lifespanParameter }),
      query: z.object({
        at: times.at,
        observers: observersParameter,
        ...times.window,
        ...pageParameters,
      }),
      answers: { 'application/json': answerSchema(holderJsonSchema) },
      problems: ['not-found', 'pruned'],
      answer({ path, query }, _request, reply) {
        if (query.at && (query.since || query.until)) {
          throw new ParameterError([
            {
              parameter: 'at',
              detail: 'is an instant and cannot be combined with since and until.',
            },
          ]);
        }
        const target = { kind: 'lifespan', lifespan: path.id } as const;
        return sendJson(reply, history.holders({ ...query, target }));
      },
    }),
  ];
}
