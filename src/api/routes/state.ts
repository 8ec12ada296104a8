import { z } from 'zod';
import { answerSchema, lifespanJsonSchema } from '../../domain/json.ts';
import type { Context } from '../context.ts';
import { allParameter, observersParameter, pageParameters, typesParameter } from '../parameters.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';

/** `/v1/state`. */
export function stateRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/state',
      operation: 'state',
      summary: 'Namespaces alive at an instant',
      pathParameters: z.object({}),
      query: z.object({
        at: times.at,
        type: typesParameter,
        all: allParameter,
        observers: observersParameter,
        ...pageParameters,
      }),
      answers: { 'application/json': answerSchema(lifespanJsonSchema) },
      problems: ['pruned'],
      answer: ({ query: { type, ...request } }, _request, reply) =>
        sendJson(reply, history.state({ ...request, types: type })),
    }),
  ];
}
