/** The HTTP API for as long as it is wanted. */
import { buildApp } from '../api/build-app.ts';
import { listen, type ListenAddress } from '../api/listen.ts';
import { buildLogger } from '../api/logger.ts';
import type { CommandContext } from './command-context.ts';
import { readVersion } from './version.ts';

export interface ApiRequest {
  readonly stateDirectory: string;
  readonly address: ListenAddress;
  readonly token: string | undefined;
  /** Least severe messages that are logged to stderr; `info` has one line per answer. */
  readonly logLevel: 'info' | 'warn' | 'silent';
  readonly signal: AbortSignal;
  /** Called with where it listens, once it does. */
  readonly onListening: (url: string) => void;
}

/**
 * Serves until the signal aborts, then answers what was asked and ends.
 *
 * Errors: NsauditError `unavailable` when there is nothing to serve, and those of listen().
 */
export async function runApi(context: CommandContext, request: ApiRequest): Promise<void> {
  const { address, token, signal } = request;
  const history = await context.openHistory(request.stateDirectory);
  try {
    // An inherited socket is what its unit says; a token makes it safe to be an address.
    const listener =
      address.kind === 'tcp' || (address.kind === 'inherited' && token !== undefined)
        ? 'tcp'
        : 'unix';
    const app = buildApp({
      history,
      version: readVersion(),
      nowUs: context.nowUs,
      listener,
      token,
      logger: buildLogger({ level: request.logLevel }),
    });
    request.onListening(await listen(app, address, listener));
    await untilAborted(signal);
    await app.close();
  } finally {
    history.close();
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
