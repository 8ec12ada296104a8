import { z } from 'zod';
import { NsauditError } from '../../domain/errors.ts';
import { defineRoute, type Route } from '../route.ts';

/** `/v1/checkpoint`: this version signs none, and says so. */
export function checkpointRoutes(): Route[] {
  return [
    defineRoute({
      path: '/v1/checkpoint',
      operation: 'checkpoint',
      summary: 'The last signed checkpoint of the log; none has been published yet',
      pathParameters: z.object({}),
      query: z.object({}),
      answers: {},
      problems: ['not-found'],
      answer() {
        throw new NsauditError(
          'not-found',
          'no checkpoint of this log has been published: this version signs none; `nsaudit verify` checks the hashes.',
        );
      },
    }),
  ];
}
