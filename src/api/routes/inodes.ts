import { z } from 'zod';
import { answerSchema, lifespanJsonSchema } from '../../domain/json.ts';
import type { Context } from '../context.ts';
import { inumParameter, observersParameter, pageParameters, typeParameter } from '../parameters.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';

/** `/v1/inodes/{inum}/lifespans`. */
export function inodeRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/inodes/{inum}/lifespans',
      operation: 'inodeLifespans',
      summary: 'Every life of an inode number, newest first',
      pathParameters: z.object({ inum: inumParameter }),
      query: z.object({
        type: typeParameter,
        observers: observersParameter,
        ...times.window,
        ...pageParameters,
      }),
      answers: { 'application/json': answerSchema(lifespanJsonSchema) },
      problems: ['pruned'],
      answer: ({ path, query: { type, ...request } }, _request, reply) =>
        sendJson(
          reply,
          history.lifespans({
            ...request,
            target: { kind: 'inum', inum: path.inum, type: type ?? null },
          }),
        ),
    }),
  ];
}
