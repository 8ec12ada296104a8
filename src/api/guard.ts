/**
 * What every request has to pass before a route sees it.
 *
 * Over TCP the Host header must name this server: a web page whose name was rebound to 127.0.0.1 sends
 * its own name. A request that another origin caused is refused in any case; there is no CORS. Nothing
 * is ever changed, so no method but GET and HEAD exists and no request has a body.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from './access.ts';
import { pathOf, sendProblem, type Refusal } from './problem.ts';

/** Headers of every answer. Nothing may be kept: what an answer says can change with the next event. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'private, no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

interface GuardOptions {
  readonly listener: 'unix' | 'tcp';
  /** Further values of the Host header, with or without a port; without one, the listening port is meant. */
  readonly allowedHosts: readonly string[];
  /** Undefined where file permissions decide who may ask. */
  readonly access: Access | undefined;
  readonly isKnownPath: (path: string) => boolean;
  /** Paths that answer without a token. */
  readonly openPaths: ReadonlySet<string>;
}

/**
 * Builds the check. It answers a refused request itself and then returns true.
 *
 * The listening port is taken from the connection, so an address with port 0 works; a request that was
 * injected without a connection has none, and then only names are compared.
 */
export function buildGuard(
  options: GuardOptions,
): (request: FastifyRequest, reply: FastifyReply) => boolean {
  return (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    const refusal = findTransportRefusal(request, options);
    if (refusal) {
      sendProblem(request, reply, refusal);
      return true;
    }
    if (options.access && exchangeToken(request, reply, options.access)) {
      return true;
    }
    const later = findRequestRefusal(request, options);
    if (later) {
      sendProblem(request, reply, later);
    }
    return later !== undefined;
  };
}

function findTransportRefusal(
  request: FastifyRequest,
  { listener, allowedHosts }: GuardOptions,
): Refusal | undefined {
  const { host, origin } = request.headers;
  if (listener === 'tcp' && !isOwnHost(request, allowedHosts)) {
    return {
      code: 'misdirected',
      detail: `The Host header ${JSON.stringify(host ?? '')} is not a name of this server: use localhost, 127.0.0.1 or [::1] with its port, or allow the name.`,
    };
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return {
      code: 'foreign-origin',
      detail: `A page of ${JSON.stringify(origin)} may not ask this server.`,
    };
  }
  return undefined;
}

function isOwnHost(request: FastifyRequest, allowedHosts: readonly string[]): boolean {
  const host = (request.headers.host ?? '').toLowerCase();
  const port = request.raw.socket.localPort;
  return [...LOOPBACK_NAMES, ...allowedHosts].some((allowed) => {
    const name = allowed.toLowerCase();
    const hasPort = /:\d+$/.test(name);
    if (hasPort || port === undefined) {
      return host === name;
    }
    return host === `${name}:${port}` || (port === 80 && host === name);
  });
}

/**
 * Turns the token of the printed URL into a cookie and sends the browser on to the same page without
 * it, so that it stays out of the history and of bookmarks. Only the page takes it there.
 */
function exchangeToken(request: FastifyRequest, reply: FastifyReply, access: Access): boolean {
  // Null where the URL could not be decoded.
  const query = request.query as Record<string, string | string[]> | null;
  const { token, ...others } = query ?? {};
  if (pathOf(request.url) !== '/' || typeof token !== 'string' || !access.isToken(token)) {
    return false;
  }
  const rest = new URLSearchParams(
    Object.entries(others).flatMap(([name, values]) =>
      [values].flat().map((value): [string, string] => [name, value]),
    ),
  ).toString();
  reply
    .code(303)
    .header('set-cookie', access.toSetCookie(request))
    .header('location', rest === '' ? '/' : `/?${rest}`)
    .send();
  return true;
}

function findRequestRefusal(
  request: FastifyRequest,
  { access, isKnownPath, openPaths }: GuardOptions,
): Refusal | undefined {
  const path = pathOf(request.url);
  const unauthorized = openPaths.has(path) ? undefined : access?.findRefusal(request);
  if (unauthorized) {
    return unauthorized;
  }
  if (!isKnownPath(path)) {
    return toUnknownPath(path);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return {
      code: 'method-not-allowed',
      detail: `${request.method} is not possible: nothing can be changed here.`,
      headers: { allow: 'GET, HEAD' },
    };
  }
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  return length === '0' && encoding === undefined
    ? undefined
    : { code: 'usage', detail: 'A question has no body: parameters go into the URL.' };
}

export function toUnknownPath(path: string): Refusal {
  return {
    code: 'not-found',
    detail: `There is nothing at ${JSON.stringify(path)}; /openapi.json lists every route.`,
  };
}
