/**
 * The HTTP API: questions about the past as URLs, read-only.
 *
 * Holds:     the routes (one table, routes/), the guard in front of them, problem documents.
 * Promises:  the JSON of the command line; no answer without host, origin and token checks; nothing a
 *            client sends changes anything.
 * Does not:  open databases (it is given a History), listen (listen.ts), or know the kernel.
 * Proved by: test/api
 */
import { fastify, LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NsauditError } from '../domain/errors.ts';
import type { History } from '../history/history.ts';
import { buildAccess } from './access.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { buildEventStreams, STREAMING_DEFAULTS, type StreamingOptions } from './event-streams.ts';
import { buildGuard, toUnknownPath } from './guard.ts';
import { buildMetrics, type Metrics } from './metrics.ts';
import { buildOpenApi } from './open-api.ts';
import { buildTimeParameters } from './parameters.ts';
import { pathOf, PROBLEM_KINDS, sendProblem, toRefusal } from './problem.ts';
import { buildRoutes } from './route-table.ts';
import { buildPathMatcher, toFastifyPath, type Route } from './route.ts';

export interface ApiOptions {
  /** Stays open when the app closes: whoever opened it closes it. */
  readonly history: History;
  /** Version of the program, for /metrics and /openapi.json. */
  readonly version: string;
  /** Wall time in epoch microseconds: what `-2h` in a request counts from. */
  readonly nowUs: () => number;
  readonly listener: 'unix' | 'tcp';
  /** Needed for TCP. On a unix socket the permissions of the file decide, unless a token is given too. */
  readonly token?: string | undefined;
  /** Values of the Host header to accept besides localhost, 127.0.0.1 and [::1]. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined;
  readonly streaming?: Partial<StreamingOptions> | undefined;
}

/**
 * Builds the app, ready to be listened on (listen.ts) or to be injected with requests.
 *
 * Errors: NsauditError `usage` for TCP without a token, or with one that is none.
 */
export function buildApp(options: ApiOptions): FastifyInstance {
  const { history, version, nowUs, listener, token, allowedHosts = [] } = options;
  if (listener === 'tcp' && token === undefined) {
    throw new NsauditError(
      'usage',
      'a TCP listener needs a token, because every user of the machine can reach it: give --token-file.',
    );
  }
  const streams = buildEventStreams(history, { ...STREAMING_DEFAULTS, ...options.streaming });
  const metrics = buildMetrics({ history, version, subscriberCount: streams.subscriberCount });
  const times = buildTimeParameters(nowUs);
  const openApi = () => document;
  const routes = buildRoutes({ history, times, streams, metrics, openApi });
  const document = `${JSON.stringify(buildOpenApi(routes, version))}\n`;
  const guard = buildGuard({
    listener,
    allowedHosts,
    access: token === undefined ? undefined : buildAccess(token),
    isKnownPath: buildPathMatcher(routes),
    openPaths: new Set(routes.filter(({ isOpen }) => isOpen).map(({ path }) => path)),
  });

  const app = createServer(options.logger, guard);
  app.addHook('onRequest', (request, reply, done) => {
    if (!guard(request, reply)) {
      done();
    }
  });
  app.addHook('onResponse', (request, reply, done) => {
    recordAnswer(request, reply, metrics);
    done();
  });
  app.addHook('preClose', () => streams.close());
  registerRoutes(app, routes);
  return app;
}

function createServer(
  logger: FastifyBaseLogger | undefined,
  guard: (request: FastifyRequest, reply: FastifyReply) => boolean,
): FastifyInstance {
  const app = fastify({
    ...(logger && { loggerInstance: logger }),
    // One line per answer is ours (recordAnswer): the default ones show query strings, which may hold a token.
    logController: new LogController({ disableRequestLogging: true }),
    // Slow writers of requests hold a connection for no longer than this.
    requestTimeout: 30_000,
    return503OnClosing: false,
    clientErrorHandler: answerBrokenRequest,
    // Errors from before routing skip the hooks.
    frameworkErrors(error, request: FastifyRequest, reply: FastifyReply) {
      if (!guard(request, reply)) {
        sendProblem(request, reply, toRefusal(error, request.id));
      }
    },
  });
  app.removeAllContentTypeParsers();
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, toUnknownPath(pathOf(request.url))),
  );
  app.setErrorHandler((error, request, reply) => {
    const refusal = toRefusal(error, request.id);
    if (PROBLEM_KINDS[refusal.code].status >= 500) {
      request.log.error({ err: error }, 'request failed');
    }
    return sendProblem(request, reply, refusal);
  });
  return app;
}

function registerRoutes(app: FastifyInstance, routes: readonly Route[]): void {
  for (const route of routes) {
    app.route({
      method: 'GET',
      url: toFastifyPath(route.path),
      exposeHeadRoute: true,
      handler: (request, reply) => route.handle(request, reply),
    });
  }
}

function recordAnswer(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  const { url = 'unknown' } = request.routeOptions;
  const route = url.replaceAll(/:(\w+)/g, '{$1}');
  const durationMs = reply.elapsedTime;
  const isStream = String(reply.raw.getHeader('content-type')).startsWith('text/event-stream');
  if (!isStream) {
    metrics.observeRequest({ route, code: reply.statusCode, durationMs });
  }
  request.log.info(
    {
      method: request.method,
      path: pathOf(request.url),
      route,
      status: reply.statusCode,
      durationMs: Math.round(durationMs * 1_000) / 1_000,
    },
    'answered',
  );
}
