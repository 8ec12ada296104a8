import { z } from 'zod';
import type { Context } from '../context.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';
import { readinessSchema } from '../schemas.ts';

/**
 * `/healthz` and `/readyz`.
 *
 * Healthy is a process that answers. Ready is one that can answer questions: the databases open and a
 * projection exists. A projection that lags or a collector that stopped makes answers older, not wrong,
 * and every answer says how old; so both are told here and neither makes the service unready.
 */
export function healthRoutes({ history }: Context): Route[] {
  return [
    defineRoute({
      path: '/healthz',
      operation: 'health',
      summary: 'Whether the process is up',
      pathParameters: z.object({}),
      query: z.object({}),
      answers: { 'application/json': z.object({ healthy: z.literal(true) }) },
      problems: [],
      isOpen: true,
      answer: (_input, _request, reply) => sendJson(reply, { healthy: true }),
    }),
    defineRoute({
      path: '/readyz',
      operation: 'readiness',
      summary: 'Whether questions can be answered, and whether a collector is watching',
      pathParameters: z.object({}),
      query: z.object({}),
      answers: { 'application/json': readinessSchema },
      problems: [],
      answer(_input, _request, reply) {
        const { host, isCollecting, position, head, lastScanAt } = history.status();
        return sendJson(reply, {
          ready: true,
          host,
          collecting: isCollecting,
          position,
          head,
          lag: Math.max(0, head - position),
          lastScanAt,
        });
      },
    }),
  ];
}
