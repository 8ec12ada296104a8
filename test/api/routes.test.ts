import type { LightMyRequestResponse } from 'fastify';
import { describe, expect, test } from 'vitest';
import { parseTime } from '../../src/domain/parse-time.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { expectDescribed, type OpenApiDocument } from './answer-schema.ts';
import { buildTestApp, NOW_US } from './app.ts';

const INUM = 4_026_532_268;
const history = buildFakeHistory();

/** A URL, the route it belongs to, and what it has to say. */
const ANSWERS: readonly (readonly [url: string, route: string, answer: unknown])[] = [
  ['/v1/state', '/v1/state', history.state({})],
  ['/v1/state?type=net,mnt', '/v1/state', history.state({ types: ['net', 'mnt'] })],
  ['/v1/state?type=net&type=mnt', '/v1/state', history.state({ types: ['net', 'mnt'] })],
  ['/v1/state?limit=1', '/v1/state', history.state({ limit: 1 })],
  ['/v1/state?limit=1&cursor=row-1', '/v1/state', history.state({ limit: 1, cursor: 'row-1' })],
  ['/v1/state?at=-2h&all', '/v1/state', history.state({ all: true })],
  [
    `/v1/inodes/${INUM}/lifespans`,
    '/v1/inodes/{inum}/lifespans',
    history.lifespans({ target: { kind: 'inum', inum: INUM, type: null } }),
  ],
  [
    `/v1/inodes/${INUM}/lifespans?type=mnt&since=-1d&until=now`,
    '/v1/inodes/{inum}/lifespans',
    history.lifespans({ target: { kind: 'inum', inum: INUM, type: 'mnt' } }),
  ],
  ['/v1/lifespans/12', '/v1/lifespans/{id}', history.lifespan(12)],
  [
    '/v1/lifespans/12/holders',
    '/v1/lifespans/{id}/holders',
    history.holders({ target: { kind: 'lifespan', lifespan: 12 } }),
  ],
  [
    '/v1/lifespans/34/holders?at=seq:34',
    '/v1/lifespans/{id}/holders',
    history.holders({ target: { kind: 'lifespan', lifespan: 34 } }),
  ],
  ['/v1/timeline?target=%2334&type=net', '/v1/timeline', history.timeline({})],
  ['/v1/processes/4711', '/v1/processes/{pid}', history.process({ pid: 4711 })],
  ['/v1/processes/1?at=boot', '/v1/processes/{pid}', history.process({ pid: 1 })],
  ['/v1/events', '/v1/events', history.events({})],
  ['/v1/events?after=2', '/v1/events', history.events({ after: 2 })],
  ['/v1/events?format=json&limit=2', '/v1/events', history.events({ limit: 2 })],
  ['/v1/queries', '/v1/queries', { data: history.queries() }],
  [
    '/v1/queries/short-lived?since=-1d&limit=5',
    '/v1/queries/{name}',
    history.query({ name: 'short-lived', parameters: {}, limit: 5 }),
  ],
  ['/v1/reports/summary?since=-7d', '/v1/reports/{name}', history.report({ name: 'summary' })],
  ['/v1/coverage', '/v1/coverage', history.coverage({})],
  ['/healthz', '/healthz', { healthy: true }],
  [
    '/readyz',
    '/readyz',
    {
      ready: true,
      host: 'host-1',
      collecting: true,
      position: 3,
      head: 3,
      lag: 0,
      lastScanAt: '2026-11-22T10:17:03.000042Z',
    },
  ],
];

describe('every route', () => {
  test.each(ANSWERS)('%s answers with the JSON of the history', async (url, route, answer) => {
    const app = buildTestApp();
    const document = (await app.inject('/openapi.json')).json<OpenApiDocument>();
    const response = await app.inject(url);
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe(`${JSON.stringify(answer)}\n`);
    await expectDescribed(document, route, {
      statusCode: response.statusCode,
      contentType: String(response.headers['content-type']),
      body: response.body,
    });
  });

  test.each(ANSWERS)('HEAD %s has the headers of GET and no body', async (url) => {
    const app = buildTestApp();
    const [get, head] = [await app.inject(url), await app.inject({ method: 'HEAD', url })];
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe('');
    for (const name of ['content-type', 'content-length', 'cache-control']) {
      expect(head.headers[name], name).toBe(get.headers[name]);
    }
  });
});

describe('parameters reach the history as values', () => {
  test('instants are read as of the request', async () => {
    const seen: unknown[] = [];
    const spy = { ...history, state: (request: object) => (seen.push(request), history.state({})) };
    const app = buildTestApp({ history: spy });
    await app.inject('/v1/state?at=-2h&type=uts&all=false&limit=7');
    expect(seen).toEqual([
      {
        at: parseTime('-2h', { nowUs: NOW_US }),
        types: ['uts'],
        all: false,
        limit: 7,
      },
    ]);
  });

  test('a named query gets its parameters as text and the limit apart', async () => {
    const seen: unknown[] = [];
    const spy = {
      ...history,
      query: (request: { name: string }) => (
        seen.push(request),
        history.query({ ...request, parameters: {} })
      ),
    };
    const app = buildTestApp({ history: spy });
    await app.inject('/v1/queries/short-lived?since=-1d&limit=7');
    expect(seen).toEqual([{ name: 'short-lived', parameters: { since: '-1d' }, limit: 7 }]);
  });
});

describe('events', () => {
  test('lines come when the Accept header prefers them', async () => {
    const app = buildTestApp();
    const response = await app.inject({
      url: '/v1/events',
      headers: { accept: 'application/json;q=0.5, application/x-ndjson' },
    });
    expect(response.headers['content-type']).toMatch(/^application\/x-ndjson\b/);
    expect(response.headers['vary']).toBe('accept');
    const lines = response.body.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(history.events({}).data);
  });

  test('a page of lines names the next one until there is none', async () => {
    const app = buildTestApp();
    const seqs: number[] = [];
    let url: string | undefined = '/v1/events?format=ndjson&limit=2';
    while (url !== undefined) {
      const response: LightMyRequestResponse = await app.inject(url);
      for (const line of response.body.trimEnd().split('\n')) {
        seqs.push((JSON.parse(line) as { seq: number }).seq);
      }
      url = /^<(.+)>; rel="next"$/.exec(String(response.headers['link'] ?? ''))?.[1];
    }
    expect(seqs).toEqual([1, 2, 3]);
  });

  test('a representation that does not exist is refused', async () => {
    const app = buildTestApp();
    const response = await app.inject({ url: '/v1/events', headers: { accept: 'text/csv' } });
    expect(response.statusCode).toBe(406);
    expect(response.json()).toMatchObject({
      type: 'urn:nsaudit:problem:not-acceptable',
      detail: 'Events come as application/json, application/x-ndjson, text/event-stream.',
    });
  });
});

test('no checkpoint is made up', async () => {
  const app = buildTestApp();
  const response = await app.inject('/v1/checkpoint');
  expect(response.statusCode).toBe(404);
  expect(response.json()).toMatchObject({ type: 'urn:nsaudit:problem:not-found' });
});
