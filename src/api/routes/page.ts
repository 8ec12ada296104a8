import { z } from 'zod';
import type { Context } from '../context.ts';
import { PAGE_POLICY, renderPage } from '../page.ts';
import { allParameter, pageParameters, typesParameter } from '../parameters.ts';
import { defineRoute, type Route } from '../route.ts';

/** Forms send every field, also those that were left empty. */
const textField = z.string().transform((text) => (text === '' ? undefined : text));

/** `/`: the page that people open. */
export function pageRoutes({ history, times }: Context): Route[] {
  return [
    defineRoute({
      path: '/',
      operation: 'page',
      summary: 'A page for people: namespaces alive at an instant, and what else can be asked',
      pathParameters: z.object({}),
      query: z.object({
        at: textField.pipe(times.at).optional(),
        type: textField.pipe(typesParameter).optional(),
        all: allParameter,
        ...pageParameters,
        token: z
          .string()
          .meta({ description: 'the token, once: it is exchanged for a cookie' })
          .optional(),
      }),
      answers: { 'text/html': null },
      problems: ['pruned'],
      answer({ query: { at, type, all, limit, cursor } }, request, reply) {
        const asked = request.query as { at?: string; type?: string };
        const html = renderPage({
          answer: history.state({ at, types: type, all, limit, cursor }),
          status: history.status(),
          request: { at: asked.at, type: asked.type, all: all ?? false },
        });
        return reply
          .header('content-security-policy', PAGE_POLICY)
          .type('text/html; charset=utf-8')
          .send(html);
      },
    }),
  ];
}
