import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { StreamingOptions } from '../../src/api/event-streams.ts';
import { listen } from '../../src/api/listen.ts';
import { NsauditError } from '../../src/domain/errors.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { buildTestApp, send } from './app.ts';

const QUICK: Partial<StreamingOptions> = { pollIntervalMs: 10 };

async function startStreaming(eventCount: number, streaming: Partial<StreamingOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-api-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const history = buildFakeHistory(eventCount);
  const app = buildTestApp({ history, streaming: { ...QUICK, ...streaming } });
  const socketPath = join(directory, 'api.sock');
  await listen(app, { kind: 'unix', path: socketPath }, 'unix');
  return { app, history, socketPath };
}

/** A busy machine may need a while; a right one gets there. */
const PATIENCE_MS = 60_000;
const TEST_MS = 4 * PATIENCE_MS;

function waitFor<Result>(check: () => Result | Promise<Result>): Promise<Result> {
  return vi.waitFor(check, PATIENCE_MS);
}

interface Stream {
  readonly response: IncomingMessage;
  /** Everything received so far. */
  text(): string;
  /** Seqs of the events received so far. */
  seqs(): number[];
  hasEnded(): boolean;
  close(): void;
}

function openStream(
  socketPath: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const request = get({ socketPath, path, headers, agent: false }, (response) => {
      let text = '';
      let ended = false;
      let readTo = 0;
      const seqs: number[] = [];
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('close', () => (ended = true));
      response.on('error', () => {});
      resolve({
        response,
        text: () => text,
        seqs() {
          // Each block once: what is asked over and over must not slow down what is waited for.
          const whole = text.lastIndexOf('\n\n') + 1;
          const blocks = text.slice(readTo, whole).matchAll(/^id: (\d+)\nevent: /gm);
          seqs.push(...Array.from(blocks, ([, seq]) => Number(seq)));
          readTo = Math.max(readTo, whole);
          return [...seqs];
        },
        hasEnded: () => ended,
        close: () => void request.destroy(),
      });
    });
    request.on('error', reject);
    onTestFinished(() => void request.destroy());
  });
}

const STREAM = '/v1/events?format=sse';
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function countStreams(socketPath: string): Promise<number> {
  const { body } = await send({ socketPath, path: '/metrics' });
  return Number(/^nsaudit_http_event_streams (\d+)$/m.exec(body)?.[1]);
}

describe('an event stream', { timeout: TEST_MS }, () => {
  test('starts at the end of the log and gives every later event once, in order', async () => {
    const { history, socketPath } = await startStreaming(5);
    const stream = await openStream(socketPath, '/v1/events', { accept: 'text/event-stream' });
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
    });
    await waitFor(() => expect(stream.text()).toBe('retry: 3000\nid: 5\n\n'));
    history.append(2);
    await waitFor(() => expect(stream.seqs()).toEqual([6, 7]));
    history.append(1);
    await waitFor(() => expect(stream.seqs()).toEqual([6, 7, 8]));
    const [, , first] = stream
      .text()
      .split('\n\n')
      .map((block) => block.split('\n'));
    expect(first?.slice(0, 2)).toEqual(['id: 7', 'event: namespace.unheld']);
    expect(JSON.parse(first?.[2]?.replace(/^data: /, '') ?? '')).toEqual(
      history.events({ after: 6 }).data[0],
    );
  });

  test('resumes after the seq that the client saw last, also across many batches', async () => {
    const { history, socketPath } = await startStreaming(2_345);
    const first = await openStream(socketPath, `${STREAM}&after=0`);
    await waitFor(() => expect(first.seqs()).toHaveLength(2_345));
    expect(first.seqs()).toEqual(range(1, 2_345));
    first.close();
    history.append(10);
    const again = await openStream(socketPath, `${STREAM}&after=0`, { 'last-event-id': '2340' });
    await waitFor(() => expect(again.seqs()).toEqual(range(2_341, 2_355)));
  });

  test('can be resumed before any event came', async () => {
    const { history, socketPath } = await startStreaming(4);
    const first = await openStream(socketPath, STREAM);
    await waitFor(() => expect(first.text()).toContain('id: 4\n'));
    first.close();
    history.append(3);
    const again = await openStream(socketPath, STREAM, { 'last-event-id': '4' });
    await waitFor(() => expect(again.seqs()).toEqual([5, 6, 7]));
  });

  test('refuses to wait for a seq that the log has not reached', async () => {
    const { socketPath } = await startStreaming(4);
    const answer = await send({ socketPath, path: `${STREAM}&after=5` });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('ends at 4');
  });

  test('shows that it is alive while nothing happens', async () => {
    const { socketPath } = await startStreaming(1, { pingIntervalMs: 30 });
    const stream = await openStream(socketPath, STREAM);
    await waitFor(() => expect(stream.text().match(/^: ping$/gm)?.length).toBeGreaterThan(2));
    expect(stream.seqs()).toEqual([]);
  });

  test('tells a failure as an event and ends', async () => {
    const { history, socketPath } = await startStreaming(1);
    const stream = await openStream(socketPath, STREAM);
    history.failWith(new NsauditError('pruned', 'event 1 has been pruned.'));
    await waitFor(() => expect(stream.hasEnded()).toBe(true));
    const [, data = ''] = /^event: problem\ndata: (.+)$/m.exec(stream.text()) ?? [];
    expect(JSON.parse(data)).toMatchObject({ type: 'urn:nsaudit:problem:pruned', status: 410 });
  });

  test('that cannot start is an ordinary problem', async () => {
    const { history, socketPath } = await startStreaming(1);
    history.failWith(new NsauditError('pruned', 'event 1 has been pruned.'));
    const answer = await send({ socketPath, path: `${STREAM}&after=0` });
    expect(answer.status).toBe(410);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  test('is not opened by HEAD', async () => {
    const { socketPath } = await startStreaming(1);
    const answer = await send({ socketPath, path: STREAM, method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/event-stream/);
    expect(await countStreams(socketPath)).toBe(0);
  });
});

describe('subscribers', { timeout: TEST_MS }, () => {
  test('beyond the limit are told to come back, and one that leaves makes room', async () => {
    const { socketPath } = await startStreaming(1, { maxSubscribers: 2 });
    const first = await openStream(socketPath, STREAM);
    await openStream(socketPath, STREAM);
    const refused = await send({ socketPath, path: STREAM });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    first.close();
    await waitFor(async () => expect(await countStreams(socketPath)).toBe(1));
    expect((await openStream(socketPath, STREAM)).response.statusCode).toBe(200);
  });

  test('that do not read are dropped, and only they', async () => {
    const { history, socketPath } = await startStreaming(20_000, { slowAfterMs: 200 });
    const deaf = connect(socketPath);
    onTestFinished(() => void deaf.destroy());
    deaf.pause();
    deaf.write(`GET ${STREAM}&after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    // Never behind, however long this process is kept from reading: it has nothing to read yet.
    const reader = await openStream(socketPath, STREAM);
    await waitFor(() => expect(reader.text()).toContain('id: 20000\n'));
    await waitFor(async () => expect(await countStreams(socketPath)).toBe(1));
    history.append(1);
    await waitFor(() => expect(reader.seqs()).toEqual([20_001]));
  });
});

/** Longer than any test: what waits for this to pass does not get there. */
const NEVER_MS = 24 * 60 * 60 * 1_000;

describe('closing the server', { timeout: TEST_MS }, () => {
  test('ends open streams and waits neither for their next look nor for who does not read', async () => {
    const { app, socketPath } = await startStreaming(20_000, {
      pollIntervalMs: NEVER_MS,
      slowAfterMs: NEVER_MS,
    });
    const deaf = connect(socketPath);
    deaf.on('error', () => {});
    onTestFinished(() => void deaf.destroy());
    deaf.pause();
    deaf.write(`GET ${STREAM}&after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const streams = [await openStream(socketPath, STREAM), await openStream(socketPath, STREAM)];
    await waitFor(async () => expect(await countStreams(socketPath)).toBe(3));
    await wait(100);
    await app.close();
    await waitFor(() => expect(streams.map((stream) => stream.hasEnded())).toEqual([true, true]));
    deaf.resume();
    await waitFor(() => expect(deaf.closed).toBe(true));
  });

  test('ends idle connections too', async () => {
    const { app, socketPath } = await startStreaming(1);
    // 0: no time after which the server gives up an idle connection by itself.
    app.server.keepAliveTimeout = 0;
    const idle = connect(socketPath);
    onTestFinished(() => void idle.destroy());
    idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => idle.once('data', resolve));
    await app.close();
    await waitFor(() => expect(idle.closed).toBe(true));
  });
});
