/** Events being derived from one scan or from kernel records: numbers them as the log will, so that they can name one another. */
import type { AuditEvent } from './event.ts';
import type { Known } from './known.ts';

type WithoutHeader<Event> = Event extends AuditEvent
  ? Omit<Event, 'seq' | 'at' | 'version'>
  : never;

/** An event without what the draft fills in. */
export type DraftEvent = WithoutHeader<AuditEvent>;

export interface Draft {
  readonly events: AuditEvent[];
  /** seq that the next added event will have. */
  nextSeq(): number;
  /** Adds an event and returns its seq. */
  add(event: DraftEvent): number;
}

/** Starts a draft after the log position `position`; every event gets the instant `atUs`. */
export function startDraft(position: number, atUs: number): Draft {
  const events: AuditEvent[] = [];
  return {
    events,
    nextSeq: () => position + events.length + 1,
    add(event) {
      const seq = position + events.length + 1;
      events.push({ ...event, seq, at: atUs, version: 1 } as AuditEvent);
      return seq;
    },
  };
}

/**
 * Starts a draft whose events count at once: `fold` folds each into the known state as soon as it is
 * added, so that the next rule sees what the last one decided. Kernel records need that: one batch of
 * them tells of births, moves and ends of the same namespace.
 */
export function startFoldingDraft(
  known: Known,
  atUs: number,
  fold: (event: AuditEvent) => void,
): Draft {
  const events: AuditEvent[] = [];
  return {
    events,
    nextSeq: () => known.position + 1,
    add(draft) {
      const seq = known.position + 1;
      const event = { ...draft, seq, at: atUs, version: 1 } as AuditEvent;
      events.push(event);
      fold(event);
      return seq;
    },
  };
}
