import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { buildLogger } from '../../src/api/logger.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { buildTestApp, TOKEN } from './app.ts';

test('a scrape shows the log, the projection, the namespaces and the gaps of this moment', async () => {
  const history = buildFakeHistory(41);
  const app = buildTestApp({ history });
  history.append(1);
  const response = await app.inject('/metrics');
  expect(response.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = response.body.split('\n');
  for (const line of [
    'nsaudit_log_position 42',
    'nsaudit_projection_position 42',
    'nsaudit_collecting 1',
    'nsaudit_recording_suspended 0',
    'nsaudit_namespaces{type="cgroup"} 0',
    'nsaudit_namespaces{type="net"} 3',
    'nsaudit_scan_last_success_timestamp_seconds 1795342623.000042',
    '# TYPE nsaudit_gap_seconds_total counter',
    'nsaudit_gap_seconds_total 2.5',
    `nsaudit_build_info{version="1.2.3",node="${process.version}"} 1`,
  ]) {
    expect(lines).toContain(line);
  }
});

test('a counter that is scraped twice does not grow by itself', async () => {
  const app = buildTestApp();
  await app.inject('/metrics');
  expect((await app.inject('/metrics')).body).toContain('\nnsaudit_gap_seconds_total 2.5\n');
});

test('answers are counted by template and status, however many paths there are', async () => {
  const app = buildTestApp();
  for (const url of [
    '/v1/lifespans/12',
    '/v1/lifespans/34',
    '/v1/lifespans/99',
    '/x',
    '/y',
    '/%zz',
  ]) {
    await app.inject(url);
  }
  const { body } = await app.inject('/metrics');
  const counts = [...body.matchAll(/^nsaudit_http_request_duration_seconds_count(.*)$/gm)];
  expect(counts.map(([, rest = '']) => rest)).toEqual([
    '{route="/v1/lifespans/{id}",code="200"} 2',
    '{route="/v1/lifespans/{id}",code="404"} 1',
    '{route="unknown",code="404"} 2',
  ]);
});

test('the log has one line per answer, the cause of a failure, and never a token', async () => {
  const lines: Record<string, unknown>[] = [];
  let text = '';
  const to = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  const history = buildFakeHistory();
  const app = buildTestApp({ history, token: TOKEN, logger: buildLogger({ to }) });
  const headers = { authorization: `Bearer ${TOKEN}` };
  await app.inject(`/?token=${TOKEN}`);
  await app.inject({ url: '/v1/lifespans/12', headers });
  history.failWith(new TypeError('the cause'));
  await app.inject({ url: '/v1/state', headers });
  expect(lines.filter(({ msg }) => msg === 'answered')).toMatchObject([
    { method: 'GET', path: '/', route: '/', status: 303 },
    { method: 'GET', path: '/v1/lifespans/12', route: '/v1/lifespans/{id}', status: 200 },
    { method: 'GET', path: '/v1/state', route: '/v1/state', status: 500 },
  ]);
  expect(lines.find(({ msg }) => msg === 'request failed')).toMatchObject({
    err: { type: 'TypeError', message: 'the cause' },
  });
  expect(lines[0]).toMatchObject({
    name: 'nsaudit-api',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(text).not.toContain(TOKEN);
});
