/**
 * The log as server-sent events, to any number of subscribers up to a limit.
 *
 * Holds:     one loop per subscriber: read a batch after the last seq, write it, wait until it is taken,
 *            wait for more.
 * Promises:  every event once and in order, resumable by seq; no statement stays open between batches;
 *            memory per subscriber is one batch; who does not read is dropped; `close` ends them all.
 * Does not:  know routes or formats other than this one.
 * Proved by: test/api/event-stream.test.ts
 *
 * Source: WHATWG HTML, "Server-sent events". An event with an id and no data sets the id to resume from
 * without being dispatched, so a client that saw nothing yet resumes in the right place too.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NsauditError } from '../domain/errors.ts';
import type { EventJson } from '../domain/json.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import { LIMIT_MAX, type History } from '../history/history.ts';
import { toProblem, toRefusal } from './problem.ts';

export interface StreamingOptions {
  readonly maxSubscribers: number;
  readonly pollIntervalMs: number;
  readonly pingIntervalMs: number;
  /** How long a subscriber may leave what was written unread before it is dropped. */
  readonly slowAfterMs: number;
}

export const STREAMING_DEFAULTS: StreamingOptions = {
  maxSubscribers: 32,
  pollIntervalMs: 1_000,
  pingIntervalMs: 15_000,
  slowAfterMs: 10_000,
};

/** Bytes that may wait in our buffers before a subscriber counts as behind. */
const BACKLOG_BYTES_MAX = 65_536;
const RECONNECT_AFTER_MS = 3_000;
/** How long subscribers get to take the end of the stream when the server stops. */
const CLOSE_GRACE_MS = 300;

interface Start {
  readonly after: number | undefined;
  readonly since: TimeReference | undefined;
}

export interface EventStreams {
  /**
   * Follows the log: after a seq, or since an instant, or from now on when neither is given.
   *
   * Errors: NsauditError `busy` when there are too many subscribers, `usage` for a seq the log has not
   * reached, and those of the history; all before anything was sent.
   */
  open(start: Start, request: FastifyRequest, reply: FastifyReply): FastifyReply;
  subscriberCount(): number;
  close(): Promise<void>;
}

interface Subscriber {
  readonly response: ServerResponse;
  readonly ended: AbortController;
  readonly url: string;
  readonly since: TimeReference | undefined;
  after: number | undefined;
  lastPingAtMs: number;
}

export function buildEventStreams(history: History, options: StreamingOptions): EventStreams {
  const subscribers = new Map<Subscriber, Promise<void>>();
  let isClosing = false;

  return {
    open(start, request, reply) {
      if (isClosing || subscribers.size >= options.maxSubscribers) {
        throw new NsauditError(
          'busy',
          `all ${options.maxSubscribers} event streams are taken: close one, or poll /v1/events with after.`,
        );
      }
      const after = toStart(history, start);
      const first = readBatch(history, { after, since: start.since });
      reply.hijack();
      sendHead(reply);
      const subscriber: Subscriber = {
        response: reply.raw,
        ended: new AbortController(),
        url: request.url,
        since: start.since,
        after,
        lastPingAtMs: performance.now(),
      };
      reply.raw.on('close', () => subscriber.ended.abort());
      // A connection that broke a moment ago fails the next write; that ends the stream like any close.
      reply.raw.on('error', () => subscriber.ended.abort());
      const done = follow(subscriber, first, history, options)
        .catch((error: unknown) => sendFailure(subscriber, error, request))
        .finally(() => {
          subscribers.delete(subscriber);
          if (!reply.raw.destroyed) {
            reply.raw.end();
          }
        });
      subscribers.set(subscriber, done);
      return reply;
    },
    subscriberCount: () => subscribers.size,
    async close() {
      isClosing = true;
      const open = [...subscribers];
      for (const [{ ended }] of open) {
        ended.abort();
      }
      await Promise.all(open.map(([{ response }, done]) => endWithin(response, done)));
    },
  };
}

function toStart(history: History, { after, since }: Start): number | undefined {
  const { head } = history.status();
  if (after !== undefined && after > head) {
    throw new NsauditError(
      'usage',
      `event ${after} is not in this log, which ends at ${head}: start again without Last-Event-ID and after.`,
    );
  }
  return after ?? (since === undefined ? head : undefined);
}

function readBatch(
  history: History,
  { after, since }: { after: number | undefined; since: TimeReference | undefined },
): readonly EventJson[] {
  return history.events({ after, since, limit: LIMIT_MAX }).data;
}

function sendHead(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) {
      reply.raw.setHeader(name, value);
    }
  }
  reply.raw.setHeader('content-type', 'text/event-stream; charset=utf-8');
  reply.raw.flushHeaders();
}

async function follow(
  subscriber: Subscriber,
  first: readonly EventJson[],
  history: History,
  options: StreamingOptions,
): Promise<void> {
  const { response, ended } = subscriber;
  const resumeFrom = subscriber.after === undefined ? '' : `id: ${subscriber.after}\n`;
  response.write(`retry: ${RECONNECT_AFTER_MS}\n${resumeFrom}\n`);
  let batch = first;
  while (!ended.signal.aborted) {
    writeBatch(subscriber, batch, options);
    if (!(await isTaken(response, ended.signal, options.slowAfterMs))) {
      response.destroy();
      return;
    }
    await (batch.length === LIMIT_MAX ? nextTurn() : sleep(options.pollIntervalMs, ended.signal));
    if (!ended.signal.aborted) {
      batch = readBatch(history, subscriber);
    }
  }
}

function writeBatch(
  subscriber: Subscriber,
  batch: readonly EventJson[],
  { pingIntervalMs }: StreamingOptions,
): void {
  const last = batch.at(-1);
  if (last) {
    subscriber.after = last.seq;
    subscriber.response.write(batch.map(toServerSentEvent).join(''));
  }
  const nowMs = performance.now();
  if (nowMs - subscriber.lastPingAtMs >= pingIntervalMs) {
    subscriber.lastPingAtMs = nowMs;
    subscriber.response.write(': ping\n\n');
  }
}

function toServerSentEvent(event: EventJson): string {
  return `id: ${event.seq}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Waits until little is left in our buffers; false when that takes longer than `slowAfterMs`. */
async function isTaken(
  response: ServerResponse,
  ended: AbortSignal,
  slowAfterMs: number,
): Promise<boolean> {
  if (response.writableLength <= BACKLOG_BYTES_MAX || ended.aborted) {
    return true;
  }
  const slow = AbortSignal.timeout(slowAfterMs);
  try {
    await once(response, 'drain', { signal: AbortSignal.any([ended, slow]) });
    return true;
  } catch {
    return ended.aborted;
  }
}

async function sleep(durationMs: number, ended: AbortSignal): Promise<void> {
  try {
    await wait(durationMs, undefined, { signal: ended });
  } catch (error) {
    if (!ended.aborted) {
      throw error;
    }
  }
}

/** The status line is long gone, so a failure is told as an event; EventSource tries again by itself. */
function sendFailure({ response, url }: Subscriber, error: unknown, request: FastifyRequest): void {
  request.log.error({ err: error }, 'event stream failed');
  if (response.destroyed) {
    return;
  }
  const problem = toProblem(toRefusal(error, request.id), url);
  response.write(`event: problem\ndata: ${JSON.stringify(problem)}\n\n`);
}

/** Gives a subscriber time to take what is left; the server drops the connection of one that does not. */
async function endWithin(response: ServerResponse, done: Promise<void>): Promise<void> {
  await done;
  if (response.closed || response.destroyed) {
    return;
  }
  const grace = AbortSignal.timeout(CLOSE_GRACE_MS);
  await once(response, 'close', { signal: grace }).catch((error: unknown) => {
    if (!grace.aborted) {
      throw error;
    }
  });
}
