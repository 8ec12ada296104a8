import { z } from 'zod';
import type { Context } from '../context.ts';
import { defineRoute, type Route } from '../route.ts';

/** `/metrics`. */
export function metricsRoutes({ metrics }: Context): Route[] {
  return [
    defineRoute({
      path: '/metrics',
      operation: 'metrics',
      summary: 'Figures for Prometheus, in its text format',
      pathParameters: z.object({}),
      query: z.object({}),
      answers: { 'text/plain': null },
      problems: [],
      answer: async (_input, _request, reply) => {
        const text = await metrics.render();
        return reply.type(metrics.contentType).send(text);
      },
    }),
  ];
}
