/** The log of the API: one JSON object per line on stderr, where journald and containers look for it. */
import type { FastifyBaseLogger } from 'fastify';
import { destination, pino, stdTimeFunctions, type DestinationStream } from 'pino';

/** `to` is stderr unless given. */
export function buildLogger({
  level = 'info',
  to = destination({ fd: 2, sync: true }),
}: { level?: string; to?: DestinationStream } = {}): FastifyBaseLogger {
  return pino({ level, base: { name: 'nsaudit-api' }, timestamp: stdTimeFunctions.isoTime }, to);
}
