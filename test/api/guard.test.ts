import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { buildApp } from '../../src/api/build-app.ts';
import { listen, parseListenAddress } from '../../src/api/listen.ts';
import { NsauditError } from '../../src/domain/errors.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { buildTestApp, send, TOKEN, type Received } from './app.ts';

const BEARER = { authorization: `Bearer ${TOKEN}` };

interface Server {
  readonly port: number;
  get(path: string, headers?: Record<string, string>): Promise<Received>;
}

async function startTcp(allowedHosts: readonly string[] = []): Promise<Server> {
  const app = buildTestApp({ listener: 'tcp', token: TOKEN, allowedHosts });
  const url = new URL(await listen(app, parseListenAddress('127.0.0.1:0'), 'tcp'));
  const port = Number(url.port);
  return {
    port,
    get: (path, headers = {}) => send({ host: '127.0.0.1', port, path, headers }),
  };
}

/** Sends bytes and resolves to everything that comes back. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  onTestFinished(() => void socket.destroy());
  socket.end(bytes);
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
  }
  return text;
}

function typeOf({ body }: Received): string {
  return (JSON.parse(body) as { type: string }).type.replace('urn:nsaudit:problem:', '');
}

describe('the Host header over TCP', () => {
  test('names this server and its port', async () => {
    const { port, get } = await startTcp();
    for (const host of [
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
      `LOCALHOST:${port}`,
    ]) {
      expect((await get('/v1/state', { ...BEARER, host })).status, host).toBe(200);
    }
  });

  test('of anybody else is answered with 421, whatever the path and the token', async () => {
    const { port, get } = await startTcp();
    const foreign = [
      `evil.example:${port}`,
      'localhost',
      `localhost:${port + 1}`,
      `localhost.:${port}`,
      `127.0.0.1.evil.example:${port}`,
      `evil.example@localhost:${port}`,
    ];
    for (const host of foreign) {
      for (const path of ['/v1/state', '/nothing', '/healthz', '/%zz', `/?token=${TOKEN}`]) {
        const answer = await get(path, { ...BEARER, host });
        expect(answer.status, `${host} ${path}`).toBe(421);
        expect(typeOf(answer)).toBe('misdirected');
      }
    }
  });

  test('cannot be left out', async () => {
    const { port } = await startTcp();
    expect(await sendRaw(port, 'GET /v1/state HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 421 /);
  });

  test('may be one that was allowed, with the listening port unless it names one', async () => {
    const { port, get } = await startTcp(['audit.example', 'tunnel.example:9000']);
    expect((await get('/v1/state', { ...BEARER, host: `audit.example:${port}` })).status).toBe(200);
    expect((await get('/v1/state', { ...BEARER, host: 'tunnel.example:9000' })).status).toBe(200);
    expect((await get('/v1/state', { ...BEARER, host: 'audit.example:9000' })).status).toBe(421);
    expect((await get('/v1/state', { ...BEARER, host: `tunnel.example:${port}` })).status).toBe(
      421,
    );
  });

  test('does not matter on a unix socket', async () => {
    const app = buildTestApp();
    const response = await app.inject({ url: '/v1/state', headers: { host: 'whatever' } });
    expect(response.statusCode).toBe(200);
  });
});

describe('the Origin header', () => {
  test('of another origin is refused, and nothing is said about cross-origin requests', async () => {
    const { port, get } = await startTcp();
    for (const origin of [
      'http://evil.example',
      'null',
      `https://127.0.0.1:${port}`,
      'http://127.0.0.1:1',
    ]) {
      const answer = await get('/v1/state', { ...BEARER, origin });
      expect(answer.status, origin).toBe(403);
      expect(typeOf(answer)).toBe('foreign-origin');
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('of the page itself is not', async () => {
    const { port, get } = await startTcp();
    const origin = `http://127.0.0.1:${port}`;
    expect((await get('/v1/state', { ...BEARER, origin })).status).toBe(200);
  });
});

describe('the token', () => {
  test('is needed for TCP when the app is built', () => {
    const options = { history: buildFakeHistory(), version: '1', nowUs: () => 0 };
    expect(() => buildApp({ ...options, listener: 'tcp' })).toThrow(NsauditError);
    for (const token of ['', 'short', 'with a space in the middle', 'a'.repeat(15)]) {
      expect(() => buildApp({ ...options, listener: 'tcp', token }), token).toThrow(
        /16 characters/,
      );
    }
  });

  test('is needed for everything but /healthz', async () => {
    const { get } = await startTcp();
    for (const path of ['/', '/v1/state', '/metrics', '/openapi.json', '/readyz', '/nothing']) {
      const answer = await get(path);
      expect(answer.status, path).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="nsaudit"');
      expect(typeOf(answer)).toBe('unauthorized');
    }
    expect((await get('/healthz')).status).toBe(200);
  });

  test('is refused unless it is exactly right', async () => {
    const { get } = await startTcp();
    const wrong = [
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      TOKEN,
      'Bearer ',
    ];
    for (const authorization of wrong) {
      expect((await get('/v1/state', { authorization })).status, authorization).toBe(401);
    }
    expect((await get('/v1/state', { authorization: `bearer ${TOKEN}` })).status).toBe(200);
  });

  test('in the URL of the page becomes a cookie, and the URL loses it', async () => {
    const { get, port } = await startTcp();
    const first = await get(`/?token=${TOKEN}&at=now&type=net`);
    expect(first.status).toBe(303);
    expect(first.headers.location).toBe('/?at=now&type=net');
    const [cookie = ''] = first.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(
      new RegExp(`^nsaudit-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    );
    expect(cookie).not.toContain(TOKEN);
    const session = cookie.slice(0, cookie.indexOf(';'));
    for (const path of ['/', '/v1/state', '/openapi.json']) {
      const answer = await get(path, { cookie: `other=1; ${session}` });
      expect(answer.status, path).toBe(200);
    }
    expect((await get('/v1/state', { cookie: `${session}x` })).status).toBe(401);
    expect((await get('/', { cookie: `nsaudit-1=${session.split('=')[1]}` })).status).toBe(401);
  });

  test('in the URL of anything else opens nothing', async () => {
    const { get } = await startTcp();
    expect((await get(`/v1/state?token=${TOKEN}`)).status).toBe(401);
    expect((await get('/?token=wrong')).status).toBe(401);
  });

  test('also guards a unix socket when one was given', async () => {
    const app = buildTestApp({ token: TOKEN });
    expect((await app.inject('/v1/state')).statusCode).toBe(401);
    expect((await app.inject({ url: '/v1/state', headers: BEARER })).statusCode).toBe(200);
  });
});

describe('requests that are no questions', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'])(
    '%s is refused with the methods there are',
    async (method) => {
      const { port } = await startTcp();
      const answer = await send(
        {
          host: '127.0.0.1',
          port,
          method,
          path: '/v1/lifespans/12',
          headers: { ...BEARER, 'content-type': 'application/json', 'content-length': '2' },
        },
        '{}',
      );
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
      expect(typeOf(answer)).toBe('method-not-allowed');
    },
  );

  test('another method of a path that does not exist is a 404', async () => {
    const app = buildTestApp();
    const response = await app.inject({ method: 'POST', url: '/v1/nothing', payload: { a: 1 } });
    expect(response.statusCode).toBe(404);
  });

  test('a body is refused', async () => {
    const { port } = await startTcp();
    const options = { host: '127.0.0.1', port, path: '/v1/state', method: 'GET' };
    const answer = await send(
      { ...options, headers: { ...BEARER, 'content-length': '4' } },
      'body',
    );
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('no body');
  });

  test('what is not HTTP gets a problem, and the connection ends', async () => {
    const { port } = await startTcp();
    const text = await sendRaw(port, '\u0016\u0003\u0001 this is TLS\r\n\r\n');
    expect(text).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/,
    );
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    expect(JSON.parse(body)).toMatchObject({ type: 'urn:nsaudit:problem:usage', status: 400 });
  });
});

test('every answer forbids keeping, sniffing, framing and leaking the URL', async () => {
  const { get } = await startTcp();
  const answers = [
    await get('/v1/state', BEARER),
    await get('/v1/state'),
    await get('/nothing', BEARER),
    await get('/%zz', BEARER),
    await get('/', BEARER),
    await get('/', { ...BEARER, host: 'evil.example' }),
  ];
  for (const { headers } of answers) {
    expect(headers['cache-control']).toBe('private, no-store');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none';.*frame-ancestors 'none'/,
    );
  }
});
