import { z } from 'zod';
import type { Context } from '../context.ts';
import { defineRoute, type Route } from '../route.ts';

/** `/openapi.json`. */
export function openApiRoutes({ openApi }: Context): Route[] {
  return [
    defineRoute({
      path: '/openapi.json',
      operation: 'openApi',
      summary: 'This document',
      pathParameters: z.object({}),
      query: z.object({}),
      answers: { 'application/json': z.looseObject({ openapi: z.string() }) },
      problems: [],
      answer: (_input, _request, reply) => reply.type('application/json').send(openApi()),
    }),
  ];
}
