/** From what people mean to instants on the host timeline; the way back is toInstantJson. */
import { NsauditError } from '../domain/errors.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import type { WindowRequest } from './history.ts';
import type { Statements } from './open-reader.ts';
import type { Head } from './read-head.ts';

export interface TimeResolver {
  /** Timeline instant of a time; `now` for none. */
  toInstantUs(reference: TimeReference | undefined): number;
  /** Both ends on the timeline; null where the request is open. */
  toWindow(request: WindowRequest): OpenWindow;
}

export interface OpenWindow {
  readonly sinceUs: number | null;
  readonly untilUs: number | null;
}

/**
 * `findEventUs` gives the instant of an event of the log.
 *
 * Errors: NsauditError `usage` for an event that is not in the log, and for a window that ends before it
 * begins.
 */
export function createTimeResolver(
  head: Head,
  statements: Statements,
  findEventUs: (seq: number) => number,
): TimeResolver {
  const toUs = (reference: TimeReference): number => {
    switch (reference.kind) {
      case 'wall':
        return head.clock.toTimelineUs(reference.wallUs);
      case 'now':
        return head.nowUs;
      case 'boot':
        return readBootUs(statements);
      case 'seq':
        return findEventUs(reference.seq);
    }
  };
  return {
    toInstantUs: (reference) => (reference ? toUs(reference) : head.nowUs),
    toWindow({ since, until }) {
      const sinceUs = since ? toUs(since) : null;
      const untilUs = until ? toUs(until) : null;
      if (sinceUs !== null && untilUs !== null && sinceUs > untilUs) {
        throw new NsauditError(
          'usage',
          'the window ends before it begins: exchange since and until.',
        );
      }
      return { sinceUs, untilUs };
    },
  };
}

function readBootUs(statements: Statements): number {
  const row = statements.get<{ anchorUs: number }>(
    'SELECT b.anchor_us AS anchorUs FROM boot AS b ORDER BY b.seq DESC LIMIT 1',
  );
  if (!row) {
    throw new NsauditError(
      'unavailable',
      'no boot has been recorded yet: wait for the first scan.',
    );
  }
  return row.anchorUs;
}
