import { describe, expect, test } from 'vitest';
import { expectDescribed, type OpenApiDocument } from './answer-schema.ts';
import { buildTestApp } from './app.ts';

async function readDocument(): Promise<OpenApiDocument> {
  const response = await buildTestApp().inject('/openapi.json');
  expect(response.statusCode).toBe(200);
  return response.json<OpenApiDocument>();
}

/** Everything in the document that points somewhere, with where it points. */
function listReferences(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, item]) =>
    name === '$ref' ? [String(item)] : listReferences(item),
  );
}

describe('the OpenAPI document', () => {
  test('describes every route that is registered, and no other', async () => {
    const app = buildTestApp();
    // fastify prints its routes as a tree; a hook sees them only while they are registered.
    const tree = app.printRoutes({ commonPrefix: false });
    const { paths } = (await app.inject('/openapi.json')).json<OpenApiDocument>();
    const described = Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const url of described) {
      expect(app.hasRoute({ method: 'GET', url }), url).toBe(true);
      expect(app.hasRoute({ method: 'HEAD', url }), url).toBe(true);
    }
    expect(tree.match(/\(GET, HEAD\)/g)?.length).toBe(described.length);
    expect(tree).not.toMatch(/POST|PUT|PATCH|DELETE/);
  });

  test('holds the whole surface that scripts rely on', async () => {
    const { paths, openapi } = await readDocument();
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths).toSorted()).toEqual([
      '/',
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/v1/checkpoint',
      '/v1/coverage',
      '/v1/events',
      '/v1/inodes/{inum}/lifespans',
      '/v1/lifespans/{id}',
      '/v1/lifespans/{id}/holders',
      '/v1/processes/{pid}',
      '/v1/queries',
      '/v1/queries/{name}',
      '/v1/reports/{name}',
      '/v1/state',
      '/v1/timeline',
    ]);
  });

  test('names every operation once and every path parameter of its path', async () => {
    const { paths } = await readDocument();
    const operations = Object.values(paths).map(({ get }) => get.operationId);
    expect(new Set(operations).size).toBe(operations.length);
    for (const [path, { get }] of Object.entries(paths)) {
      const inPath = get.parameters.filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
    }
  });

  test('points only at what it holds, and holds only what it points at', async () => {
    const document = await readDocument();
    const names = Object.keys(document.components.schemas).map(
      (name) => `#/components/schemas/${name}`,
    );
    expect([...new Set(listReferences(document))].toSorted()).toEqual(names.toSorted());
    expect(JSON.stringify(document)).not.toMatch(/"\$(schema|id|defs)"|__shared/);
  });

  test('tells what parameters and problems a route has', async () => {
    const { paths } = await readDocument();
    const state = paths['/v1/state']?.get;
    expect(state?.parameters.map(({ name }) => name)).toEqual([
      'at',
      'type',
      'all',
      'observers',
      'limit',
      'cursor',
    ]);
    expect(state?.parameters[0]).toMatchObject({
      in: 'query',
      required: false,
      schema: { type: 'string' },
      description: expect.stringContaining('RFC 3339'),
    });
    expect(Object.keys(state?.responses ?? {})).toEqual([
      '200',
      '400',
      '401',
      '403',
      '405',
      '410',
      '421',
      '500',
      '503',
    ]);
    expect(Object.keys(paths['/v1/checkpoint']?.get.responses[200]?.content ?? {})).toEqual([
      'text/plain; charset=utf-8',
    ]);
    expect(Object.keys(paths['/v1/events']?.get.responses[200]?.content ?? {})).toEqual([
      'application/json',
      'application/x-ndjson',
      'text/event-stream',
    ]);
  });

  test('would notice an answer that has lost, gained or changed a field', async () => {
    const app = buildTestApp();
    const document = (await app.inject('/openapi.json')).json<OpenApiDocument>();
    const { data, ...envelope } = (await app.inject('/v1/lifespans/12')).json<{ data: object[] }>();
    const [row = {}] = data;
    const { holders, ...without } = row as { holders?: unknown };
    const wrong = [without, { ...row, extra: 1 }, { ...row, inum: '1' }, { ...row, type: 'netns' }];
    for (const changed of wrong) {
      const body = JSON.stringify({ ...envelope, data: [changed] });
      const check = expectDescribed(document, '/v1/lifespans/{id}', {
        statusCode: 200,
        contentType: 'application/json',
        body,
      });
      await expect(check, body).rejects.toThrow(/to be null/);
    }
    expect(holders).toBeDefined();
  });
});
