import { z } from 'zod';
import { answerSchema } from '../../domain/json.ts';
import type { Context } from '../context.ts';
import {
  observersParameter,
  pageParameters,
  targetParameter,
  typesParameter,
} from '../parameters.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';
import { timelineSchema } from '../schemas.ts';

/** `/v1/timeline`. */
export function timelineRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/timeline',
      operation: 'timeline',
      summary: 'What happened to namespaces, in order, with the gaps in which nobody watched',
      pathParameters: z.object({}),
      query: z.object({
        type: typesParameter,
        target: targetParameter,
        observers: observersParameter,
        ...times.window,
        ...pageParameters,
      }),
      answers: { 'application/json': answerSchema(timelineSchema) },
      problems: ['pruned'],
      answer: ({ query: { type, ...request } }, _request, reply) =>
        sendJson(reply, history.timeline({ ...request, types: type })),
    }),
  ];
}
