/**
 * `/v1/events`: the log, as one page of JSON, as lines, or as a stream that goes on.
 *
 * A page of lines says in a Link header (RFC 8288) where the next one is. A stream resumes from
 * Last-Event-ID, which browsers send by themselves; it outranks `after`, which stays in the URL.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Answer, EventJson } from '../../domain/json.ts';
import { answerSchema, eventJsonSchema } from '../../domain/json.ts';
import type { Context } from '../context.ts';
import { negotiate } from '../negotiate.ts';
import { pageParameters, seqParameter } from '../parameters.ts';
import { ParameterError, sendProblem } from '../problem.ts';
import { defineRoute, sendJson, type Route } from '../route.ts';

const MEDIA_TYPES = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  sse: 'text/event-stream',
} as const;

type MediaType = (typeof MEDIA_TYPES)[keyof typeof MEDIA_TYPES];

const FORMATS = ['json', 'ndjson', 'sse'] as const;

const formatParameter = z
  .enum(FORMATS, { error: `is not a format: use ${FORMATS.join(', ')}.` })
  .meta({ description: 'representation; outranks the Accept header' })
  .optional();

const headersSchema = z.object({ 'Last-Event-ID': seqParameter });

export function eventRoutes({ history, times, streams }: Context): Route[] {
  return [
    defineRoute({
      path: '/v1/events',
      operation: 'events',
      summary: 'The log: a page of JSON, a page of lines, or a stream that goes on',
      pathParameters: z.object({}),
      query: z.object({
        after: seqParameter,
        ...times.window,
        ...pageParameters,
        format: formatParameter,
      }),
      headers: headersSchema,
      answers: {
        [MEDIA_TYPES.json]: answerSchema(eventJsonSchema),
        [MEDIA_TYPES.ndjson]: null,
        [MEDIA_TYPES.sse]: null,
      },
      problems: ['not-acceptable', 'pruned'],
      answer({ query: { format, ...query } }, request, reply) {
        reply.header('vary', 'accept');
        const type: MediaType | undefined = format
          ? MEDIA_TYPES[format]
          : negotiate(request.headers.accept, Object.values(MEDIA_TYPES));
        switch (type) {
          case MEDIA_TYPES.json:
            return sendJson(reply, history.events(query));
          case MEDIA_TYPES.ndjson:
            return sendLines(reply, history.events(query), request.url);
          case MEDIA_TYPES.sse: {
            refusePaging(query);
            const after = readLastEventId(request) ?? query.after;
            return request.method === 'HEAD'
              ? reply.type(type).send()
              : streams.open({ after, since: query.since }, request, reply);
          }
          default:
            return sendProblem(request, reply, {
              code: 'not-acceptable',
              detail: `Events come as ${Object.values(MEDIA_TYPES).join(', ')}.`,
            });
        }
      },
    }),
  ];
}

function sendLines(reply: FastifyReply, answer: Answer<EventJson>, url: string): FastifyReply {
  const { next } = answer.page;
  if (next !== null) {
    const target = new URL(url, 'http://localhost');
    target.searchParams.set('cursor', next);
    reply.header('link', `<${target.pathname}${target.search}>; rel="next"`);
  }
  const lines = answer.data.map((event) => `${JSON.stringify(event)}\n`);
  return reply.type(MEDIA_TYPES.ndjson).send(lines.join(''));
}

/** A stream has no pages and no end; a parameter that was silently ignored would look as if it held. */
function refusePaging(query: Readonly<Record<string, unknown>>): void {
  const faults = ['limit', 'cursor', 'until']
    .filter((parameter) => query[parameter] !== undefined)
    .map((parameter) => ({ parameter, detail: 'is not for a stream, which goes on.' }));
  if (faults.length > 0) {
    throw new ParameterError(faults);
  }
}

function readLastEventId(request: FastifyRequest): number | undefined {
  const result = headersSchema.safeParse({ 'Last-Event-ID': request.headers['last-event-id'] });
  if (!result.success) {
    const detail = result.error.issues.map(({ message }) => message).join(' ');
    throw new ParameterError([{ parameter: 'Last-Event-ID', detail }]);
  }
  return result.data['Last-Event-ID'];
}
