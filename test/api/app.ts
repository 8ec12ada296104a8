/** Apps and requests for the tests of the API. */
import { request as sendRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { buildApp, type ApiOptions } from '../../src/api/build-app.ts';
import { buildFakeHistory } from '../support/fake-history.ts';

export const TOKEN = 'correct-horse-battery-staple';

/** 2026-11-22T10:17:03Z */
export const NOW_US = 1_795_342_623_000_000;

/** An app over fixed rows, closed at the end of the test. */
export function buildTestApp(options: Partial<ApiOptions> = {}): FastifyInstance {
  const app = buildApp({
    history: buildFakeHistory(),
    version: '1.2.3',
    nowUs: () => NOW_US,
    listener: 'unix',
    ...options,
  });
  onTestFinished(() => app.close());
  return app;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One request over a real connection, without keep-alive. */
export function send(options: RequestOptions, body?: string): Promise<Received> {
  return new Promise((resolve, reject) => {
    const request = sendRequest({ agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
