/**
 * The routes over the real thing: a History on log.db and read.db as a collector leaves them. Every
 * answer is checked against the OpenAPI document and against what the History says when asked directly.
 */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { buildApp } from '../../src/api/build-app.ts';
import { listen } from '../../src/api/listen.ts';
import type { EventJson, LifespanJson } from '../../src/domain/json.ts';
import { parseTime } from '../../src/domain/parse-time.ts';
import type { History, QueryDescription } from '../../src/history/history.ts';
import { openHistory } from '../../src/history/open-history.ts';
import { expectDescribed, type OpenApiDocument } from './answer-schema.ts';
import {
  HOSTILE_COMM,
  LATER_US,
  NET_INUM,
  recordState,
  UTS_INUM,
  type RecordedState,
} from './recorded-state.ts';

interface World {
  readonly app: FastifyInstance;
  readonly history: History;
  readonly state: RecordedState;
  readonly document: OpenApiDocument;
}

async function openWorld(): Promise<World> {
  const state = await recordState();
  const history = openHistory({ stateDirectory: state.directory, now: () => LATER_US });
  const app = buildApp({
    history,
    version: '1.2.3',
    nowUs: () => LATER_US,
    listener: 'unix',
    streaming: { pollIntervalMs: 10 },
  });
  onTestFinished(async () => {
    await app.close();
    history.close();
  });
  const document = (await app.inject('/openapi.json')).json<OpenApiDocument>();
  return { app, history, state, document };
}

async function ask(
  { app, document }: World,
  route: string,
  url = route,
): Promise<LightMyRequestResponse> {
  const response = await app.inject(url);
  await expectDescribed(document, route, {
    statusCode: response.statusCode,
    contentType: String(response.headers['content-type']),
    body: response.body,
  });
  return response;
}

const since = parseTime('boot', { nowUs: LATER_US });

/** Route, URL, and the same question put to the history itself. */
const QUESTIONS: readonly (readonly [
  route: string,
  url: string,
  ask: (history: History) => unknown,
])[] = [
  ['/v1/state', '/v1/state', (history) => history.state({})],
  [
    '/v1/state',
    '/v1/state?type=net&all=1',
    (history) => history.state({ types: ['net'], all: true }),
  ],
  [
    '/v1/inodes/{inum}/lifespans',
    `/v1/inodes/${NET_INUM}/lifespans`,
    (history) => history.lifespans({ target: { kind: 'inum', inum: NET_INUM, type: null } }),
  ],
  [
    '/v1/inodes/{inum}/lifespans',
    `/v1/inodes/${UTS_INUM}/lifespans?type=uts&since=boot`,
    (history) =>
      history.lifespans({ target: { kind: 'inum', inum: UTS_INUM, type: 'uts' }, since }),
  ],
  ['/v1/timeline', '/v1/timeline', (history) => history.timeline({})],
  ['/v1/processes/{pid}', '/v1/processes/11', (history) => history.process({ pid: 11 })],
  ['/v1/events', '/v1/events', (history) => history.events({})],
  ['/v1/events', '/v1/events?after=5&limit=3', (history) => history.events({ after: 5, limit: 3 })],
  ['/v1/coverage', '/v1/coverage', (history) => history.coverage({})],
  ['/v1/reports/{name}', '/v1/reports/summary', (history) => history.report({ name: 'summary' })],
  ['/v1/reports/{name}', '/v1/reports/leaks', (history) => history.report({ name: 'leaks' })],
  [
    '/v1/reports/{name}',
    '/v1/reports/short-lived',
    (history) => history.report({ name: 'short-lived' }),
  ],
  ['/v1/reports/{name}', '/v1/reports/creators', (history) => history.report({ name: 'creators' })],
  ['/v1/reports/{name}', '/v1/reports/coverage', (history) => history.report({ name: 'coverage' })],
];

describe('a real record', () => {
  test.each(QUESTIONS)(
    '%s: %s is what the history answers, as described',
    async (route, url, askHistory) => {
      const world = await openWorld();
      const response = await ask(world, route, url);
      expect(response.statusCode).toBe(200);
      expect(response.body).toBe(`${JSON.stringify(askHistory(world.history))}\n`);
    },
  );

  test('has the namespaces of the world, each found again by its lifespan', async () => {
    const world = await openWorld();
    const [net] = (await ask(world, '/v1/state', '/v1/state?type=net'))
      .json<{ data: LifespanJson[] }>()
      .data.filter(({ inum }) => inum === NET_INUM);
    expect(net).toMatchObject({
      state: 'held',
      holders: { now: 1 },
      creator: { comm: HOSTILE_COMM },
    });
    const id = net?.lifespan ?? '';
    const one = await ask(world, '/v1/lifespans/{id}', `/v1/lifespans/${id}`);
    expect(one.json<{ data: LifespanJson[] }>().data).toMatchObject([
      { lifespan: id, inum: NET_INUM },
    ]);
    const url = `/v1/lifespans/${id}/holders`;
    const holders = await ask(world, '/v1/lifespans/{id}/holders', url);
    expect(holders.json<{ data: { pid: number }[] }>().data.map(({ pid }) => pid)).toEqual([
      10, 11,
    ]);
    const missing = await ask(world, '/v1/lifespans/{id}', '/v1/lifespans/999999');
    expect(missing.statusCode).toBe(404);
  });

  test('runs every named query over HTTP, with its defaults or its example', async () => {
    const world = await openWorld();
    const { data } = (await ask(world, '/v1/queries')).json<{ data: QueryDescription[] }>();
    expect(data.length).toBeGreaterThan(5);
    const { lifespan } = world.history.state({ types: ['net'] }).data[0] ?? {};
    for (const { name, parameters, example } of data) {
      const examples = new Map(
        [...example.matchAll(/-p (\S+?)=(\S+)/g)].map(([, key, value]) => [key, value]),
      );
      const given = parameters
        .filter((parameter) => parameter.default === null)
        .map((parameter) => [
          parameter.name,
          (parameter.type === 'lifespan' ? `#${lifespan}` : examples.get(parameter.name)) ?? '',
        ]);
      const query = new URLSearchParams(Object.fromEntries(given));
      const response = await ask(world, '/v1/queries/{name}', `/v1/queries/${name}?${query}`);
      expect(response.statusCode, `${name}?${query}: ${response.body}`).toBe(200);
    }
  });

  test('is walked page by page without a hole or a repetition', async () => {
    const world = await openWorld();
    for (const [route, url] of [
      ['/v1/events', '/v1/events?limit=7'],
      ['/v1/state', '/v1/state?limit=4&all=true'],
      ['/v1/timeline', '/v1/timeline?limit=5'],
    ] as const) {
      const whole = await world.app.inject(url.replace(/limit=\d+/, 'limit=1000'));
      const rows: unknown[] = [];
      let next: string | null = '';
      let pages = 0;
      while (next !== null) {
        const cursor = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
        const page = await ask(world, route, url + cursor);
        const body = page.json<{ data: unknown[]; page: { next: string | null } }>();
        rows.push(...body.data);
        next = body.page.next;
        pages += 1;
      }
      expect(pages, url).toBeGreaterThan(1);
      expect(rows).toEqual(whole.json<{ data: unknown[] }>().data);
    }
  });

  test('refuses a cursor of another question, and one that is none', async () => {
    const world = await openWorld();
    const { page } = (await world.app.inject('/v1/events?limit=2')).json<{
      page: { next: string };
    }>();
    for (const cursor of [page.next, 'nonsense', '{}', 'AAAA']) {
      const url = `/v1/state?limit=2&cursor=${encodeURIComponent(cursor)}`;
      expect((await ask(world, '/v1/state', url)).statusCode, cursor).toBe(400);
    }
  });

  test('is ready, measured, and shown on the page with hostile names as text', async () => {
    const world = await openWorld();
    const ready = await ask(world, '/readyz');
    expect(ready.json()).toMatchObject({ ready: true, position: world.state.position(), lag: 0 });
    const metrics = await ask(world, '/metrics');
    expect(metrics.body).toContain(`nsaudit_log_position ${world.state.position()}\n`);
    const page = await ask(world, '/');
    expect(page.body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page.body).not.toContain('<script');
  });

  test('that goes away makes the API unready, and says so', async () => {
    const world = await openWorld();
    const elsewhere = `${world.state.directory}.moved`;
    renameSync(world.state.directory, elsewhere);
    onTestFinished(() => renameSync(elsewhere, world.state.directory));
    expect((await ask(world, '/healthz')).statusCode).toBe(200);
    const unready = await ask(world, '/readyz');
    expect(unready.statusCode).toBe(503);
    expect(unready.json()).toMatchObject({ type: 'urn:nsaudit:problem:unavailable' });
  });
});

test('a stream over a real log resumes where it was cut while the collector goes on', async () => {
  const { app, history, state } = await openWorld();
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-api-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const socketPath = join(directory, 'api.sock');
  await listen(app, { kind: 'unix', path: socketPath }, 'unix');
  const received: EventJson[] = [];

  const follow = async (until: () => number) => {
    let text = '';
    const headers = { 'last-event-id': String(received.at(-1)?.seq ?? 0) };
    const request = get(
      { socketPath, path: '/v1/events?format=sse', headers, agent: false },
      (response) => {
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', () => {});
      },
    );
    request.on('error', () => {});
    const last = () => [...text.matchAll(/^id: (\d+)\nevent: /gm)].at(-1)?.[1];
    await vi.waitFor(() => expect(Number(last())).toBe(until()), 5_000);
    request.destroy();
    received.push(...[...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data)));
  };

  await follow(() => state.position());
  for (let round = 0; round < 3; round += 1) {
    state.goOn();
    const following = follow(() => state.position());
    state.goOn();
    await following;
  }
  const whole = history.events({ limit: 1_000 }).data;
  expect(received.map(({ seq }) => seq)).toEqual(whole.map(({ seq }) => seq));
  expect(received).toEqual(JSON.parse(JSON.stringify(whole)));
});
