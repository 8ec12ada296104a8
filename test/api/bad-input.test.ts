import { describe, expect, test } from 'vitest';
import { NsauditError, type ErrorCode } from '../../src/domain/errors.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { expectDescribed, type OpenApiDocument } from './answer-schema.ts';
import { buildTestApp } from './app.ts';

interface Fault {
  readonly parameter: string;
  readonly detail: string;
}

/** A URL, its route, the parameter at fault, and words its problem has to contain. */
const REFUSED: readonly (readonly [url: string, route: string, at: string, words: string[]])[] = [
  ['/v1/state?at=half+past', '/v1/state', 'at', ['"half past"', 'RFC 3339', '-2h', 'seq:123']],
  ['/v1/state?at=2026-02-31', '/v1/state', 'at', ['"2026-02-31"']],
  ['/v1/state?at=', '/v1/state', 'at', ['""', 'RFC 3339']],
  ['/v1/state?type=netns', '/v1/state', 'type', ['"netns"', 'cgroup, ipc, mnt, net']],
  ['/v1/state?type=', '/v1/state', 'type', ['""', 'cgroup']],
  ['/v1/state?limit=0', '/v1/state', 'limit', ['"0"', '1 to 1000']],
  ['/v1/state?limit=1001', '/v1/state', 'limit', ['"1001"', '1 to 1000']],
  ['/v1/state?limit=1e2', '/v1/state', 'limit', ['"1e2"', 'whole number']],
  ['/v1/state?limit=-1', '/v1/state', 'limit', ['"-1"', '1 to 1000']],
  ['/v1/state?all=maybe', '/v1/state', 'all', ['"maybe"', 'true', 'false']],
  ['/v1/state?colour=red', '/v1/state', 'colour', ['at, type, all, observers, limit, cursor']],
  ['/v1/state?__proto__=1', '/v1/state', '__proto__', ['unknown']],
  ['/v1/state?at=now&at=boot', '/v1/state', 'at', ['more than once']],
  ['/v1/state?cursor=', '/v1/state', 'cursor', ['']],
  ['/v1/inodes/abc/lifespans', '/v1/inodes/{inum}/lifespans', 'inum', ['"abc"', '4294967295']],
  ['/v1/inodes/0/lifespans', '/v1/inodes/{inum}/lifespans', 'inum', ['"0"']],
  ['/v1/inodes/4294967296/lifespans', '/v1/inodes/{inum}/lifespans', 'inum', ['4294967295']],
  ['/v1/inodes/1/lifespans?type=net,mnt', '/v1/inodes/{inum}/lifespans', 'type', ['"net,mnt"']],
  ['/v1/lifespans/-1', '/v1/lifespans/{id}', 'id', ['"-1"']],
  ['/v1/lifespans/1.5', '/v1/lifespans/{id}', 'id', ['"1.5"', 'whole number']],
  ['/v1/lifespans/12?at=now', '/v1/lifespans/{id}', 'at', ['this route takes observers']],
  ['/v1/lifespans/12/holders?at=now&since=-1h', '/v1/lifespans/{id}/holders', 'at', ['since']],
  ['/v1/timeline?target=blue', '/v1/timeline', 'target', ['"blue"', '/run/netns/blue']],
  ['/v1/processes/0', '/v1/processes/{pid}', 'pid', ['"0"']],
  ['/v1/events?after=-1', '/v1/events', 'after', ['"-1"']],
  ['/v1/events?format=xml', '/v1/events', 'format', ['json, ndjson, sse']],
  ['/v1/events?format=sse&limit=3', '/v1/events', 'limit', ['stream']],
  ['/v1/events?format=sse&until=now', '/v1/events', 'until', ['stream']],
  ['/v1/queries?name=x', '/v1/queries', 'name', ['takes no parameters']],
  ['/v1/queries/short-lived?until=now', '/v1/queries/{name}', 'until', ['since, limit']],
  ['/v1/reports/summary?at=now', '/v1/reports/{name}', 'at', ['since, until']],
  ['/v1/coverage?since=-2x', '/v1/coverage', 'since', ['"-2x"', 'RFC 3339']],
  ['/healthz?verbose=1', '/healthz', 'verbose', ['takes no parameters']],
];

describe('a parameter that is not accepted', () => {
  test.each(REFUSED)('%s is answered with what is', async (url, route, parameter, words) => {
    const app = buildTestApp();
    const document = (await app.inject('/openapi.json')).json<OpenApiDocument>();
    const response = await app.inject(url);
    expect(response.statusCode).toBe(400);
    const problem = response.json<{ instance: string; errors: Fault[] }>();
    expect(problem).toMatchObject({
      type: 'urn:nsaudit:problem:usage',
      title: 'The request cannot be understood',
      status: 400,
      instance: url.split('?')[0],
    });
    expect(problem.errors.map((fault) => fault.parameter)).toEqual([parameter]);
    for (const word of words) {
      expect(problem.errors[0]?.detail).toContain(word);
    }
    await expectDescribed(document, route, {
      statusCode: 400,
      contentType: String(response.headers['content-type']),
      body: response.body,
    });
  });

  test('all of them are named at once', async () => {
    const app = buildTestApp();
    const response = await app.inject('/v1/state?limit=x&at=y&type=z&w=1');
    const { errors } = response.json<{ errors: Fault[] }>();
    expect(errors.map(({ parameter }) => parameter).toSorted()).toEqual([
      'at',
      'limit',
      'type',
      'w',
    ]);
  });

  test('a Last-Event-ID that is no seq is one of them', async () => {
    const app = buildTestApp();
    const headers = { accept: 'text/event-stream', 'last-event-id': 'abc' };
    const response = await app.inject({ url: '/v1/events', headers });
    expect(response.statusCode).toBe(400);
    expect(response.json<{ errors: Fault[] }>().errors).toEqual([
      { parameter: 'Last-Event-ID', detail: 'seq "abc" is not a whole number of at least 0.' },
    ]);
  });
});

describe('what does not exist', () => {
  test.each([
    '/v1/nothing',
    '/v1/state/',
    '/v1/inodes/1',
    '/v2/state',
    '/v1/lifespans/99',
    '/v1/lifespans/99/holders',
    '/v1/queries/nothing',
    '/v1/reports/nothing',
    '//v1/state',
    '/v1/%2e%2e/etc/passwd',
  ])('%s is a 404 problem', async (url) => {
    const app = buildTestApp();
    const response = await app.inject(url);
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json()).toMatchObject({ type: 'urn:nsaudit:problem:not-found', status: 404 });
  });

  test('a report that does not exist is answered with those that do', async () => {
    const app = buildTestApp();
    const { detail } = (await app.inject('/v1/reports/nothing')).json<{ detail: string }>();
    expect(detail).toContain('summary, leaks, short-lived, creators, intrusions, coverage');
  });

  test('a URL that cannot be decoded is a 400 problem', async () => {
    const app = buildTestApp();
    const response = await app.inject('/v1/lifespans/%zz');
    expect(response.statusCode).toBe(400);
    expect(response.headers['x-content-type-options']).toBe('nosniff');
    expect(response.json()).toMatchObject({ type: 'urn:nsaudit:problem:usage' });
  });
});

describe('an error of the history', () => {
  const STATUSES: readonly (readonly [ErrorCode, number])[] = [
    ['usage', 400],
    ['not-found', 404],
    ['policy', 409],
    ['pruned', 410],
    ['integrity', 500],
    ['incomplete', 500],
    ['io', 500],
    ['unavailable', 503],
    ['busy', 503],
  ];

  test.each(STATUSES)('%s is a %i problem with its message', async (code, status) => {
    const history = buildFakeHistory();
    history.failWith(
      new NsauditError(code, 'this is what happened.', { cause: new Error('secret') }),
    );
    const app = buildTestApp({ history });
    const response = await app.inject('/v1/state');
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({
      type: `urn:nsaudit:problem:${code}`,
      status,
      detail: 'this is what happened.',
      instance: '/v1/state',
    });
    expect(response.headers['retry-after'] === undefined).toBe(status !== 503);
    expect(response.body).not.toContain('secret');
  });

  test('that is none of ours is told without particulars', async () => {
    const history = buildFakeHistory();
    history.failWith(new TypeError('secret of the implementation'));
    const app = buildTestApp({ history });
    const response = await app.inject('/v1/state');
    expect(response.statusCode).toBe(500);
    expect(response.json()).toMatchObject({ type: 'urn:nsaudit:problem:internal' });
    expect(response.body).not.toContain('secret');
  });

  test('of an unreadable record leaves the process healthy and makes it unready', async () => {
    const history = buildFakeHistory();
    history.failWith(new NsauditError('unavailable', 'there is no read.db.'));
    const app = buildTestApp({ history });
    expect((await app.inject('/healthz')).statusCode).toBe(200);
    expect((await app.inject('/readyz')).statusCode).toBe(503);
    expect((await app.inject('/metrics')).statusCode).toBe(503);
    expect((await app.inject('/')).statusCode).toBe(503);
  });
});

test('a cursor that is not of this log is refused', async () => {
  const app = buildTestApp();
  const response = await app.inject('/v1/state?cursor=nonsense');
  expect(response.statusCode).toBe(400);
  expect(response.json<{ detail: string }>().detail).toContain('"nonsense"');
});
