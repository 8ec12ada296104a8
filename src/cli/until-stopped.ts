/** When a command that runs until stopped is stopped. */

let stopping: AbortController | undefined;

/**
 * From the first call on, SIGINT and SIGTERM abort the signal instead of ending the process. The second
 * one finds the usual behaviour again, so a stop that hangs can be ended. A collector that was started
 * by `nsaudit start` stops too when that is gone: then its channel closes.
 */
export function untilStopped(): AbortSignal {
  if (stopping) {
    return stopping.signal;
  }
  const controller = new AbortController();
  stopping = controller;
  const stop = (reason: string) => controller.abort(reason);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop(name));
  }
  if (process.channel) {
    process.once('disconnect', () => stop('disconnect'));
    process.channel.unref();
  }
  return controller.signal;
}
