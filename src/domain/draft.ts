/** Events being derived from one scan: numbers them as the log will, so that they can name one another. */
import type { AuditEvent } from './event.ts';

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
