/**
 * Who may ask over TCP: whoever knows the token.
 *
 * Programs send it as a bearer token (RFC 6750). A browser cannot, so the printed URL carries it once;
 * it is exchanged for a cookie that scripts cannot read, other sites cannot send, and that is worth
 * nothing after a restart. The cookie is named after the port: browsers share cookies between ports.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { NsauditError } from '../domain/errors.ts';
import type { Refusal } from './problem.ts';

/** RFC 6750 section 2.1 `b64token`; short ones can be guessed. */
const TOKEN = /^[A-Za-z0-9._~+/-]{16,}=*$/;

export interface Access {
  /** Why a request may not ask, or undefined when it may. */
  findRefusal(request: FastifyRequest): Refusal | undefined;
  isToken(text: string): boolean;
  /** Value of a Set-Cookie header that lets this browser in until the server stops. */
  toSetCookie(request: FastifyRequest): string;
}

/**
 * Builds the check for one token.
 *
 * Errors: NsauditError `usage` when it is no bearer token or shorter than 16 characters.
 */
export function buildAccess(token: string): Access {
  if (!TOKEN.test(token)) {
    throw new NsauditError(
      'usage',
      'the token must be at least 16 characters out of letters, digits and -._~+/: make one with `openssl rand -hex 32`.',
    );
  }
  const tokenDigest = toDigest(token);
  const session = randomBytes(32).toString('base64url');
  const sessionDigest = toDigest(session);
  const isToken = (text: string) => timingSafeEqual(toDigest(text), tokenDigest);
  return {
    isToken,
    findRefusal(request) {
      const { authorization, cookie } = request.headers;
      const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
      if (bearer !== undefined) {
        return isToken(bearer) ? undefined : refuse('The token is not the one of this server.');
      }
      const sent = findCookie(cookie ?? '', toCookieName(request));
      const isKnown = sent !== undefined && timingSafeEqual(toDigest(sent), sessionDigest);
      return isKnown
        ? undefined
        : refuse(
            'Send "Authorization: Bearer TOKEN"; in a browser, open the URL printed at start.',
          );
    },
    toSetCookie(request) {
      return `${toCookieName(request)}=${session}; Path=/; HttpOnly; SameSite=Strict`;
    },
  };
}

/** Digests have one length, so comparing them in constant time tells nothing, not even the length. */
function toDigest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function toCookieName(request: FastifyRequest): string {
  return `nsaudit-${request.raw.socket.localPort ?? 0}`;
}

function findCookie(header: string, name: string): string | undefined {
  const pairs = header.split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

function refuse(detail: string): Refusal {
  return {
    code: 'unauthorized',
    detail,
    headers: { 'www-authenticate': 'Bearer realm="nsaudit"' },
  };
}
