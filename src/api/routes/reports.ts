import { z } from 'zod';
import { NsauditError } from '../../domain/errors.ts';
import { REPORT_NAMES, type ReportName } from '../../history/history.ts';
import type { Context } from '../context.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';
import { reportSchema } from '../schemas.ts';

const nameParameter = z
  .string()
  .meta({ description: `one of ${REPORT_NAMES.join(', ')}`, examples: ['summary'] });

/** `/v1/reports/{name}`. */
export function reportRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/reports/{name}',
      operation: 'report',
      summary: 'A report over a window',
      pathParameters: z.object({ name: nameParameter }),
      query: z.object(times.window),
      answers: { 'application/json': reportSchema },
      problems: ['not-found', 'pruned'],
      answer: ({ path, query }, _request, reply) =>
        sendJson(reply, history.report({ ...query, name: requireReport(path.name) })),
    }),
  ];
}

function requireReport(text: string): ReportName {
  const name = REPORT_NAMES.find((known) => known === text);
  if (name === undefined) {
    throw new NsauditError(
      'not-found',
      `there is no report ${JSON.stringify(text)}: use one of ${REPORT_NAMES.join(', ')}.`,
    );
  }
  return name;
}
