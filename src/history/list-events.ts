/** The log itself, in order. */
import { toEventJson } from '../domain/event-json.ts';
import { fromStoredEvent, type AuditEvent } from '../domain/event.ts';
import { type Answer, type EventJson } from '../domain/json.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import { requireNotPruned } from '../store/log-cut.ts';
import { fingerprintTime, openPage } from './cursor.ts';
import type { PageRequest, WindowRequest } from './history.ts';
import { toAnswer, type Question } from './question.ts';
import { fromKey, toKey } from './window.ts';

interface EventsRequest extends WindowRequest, PageRequest {
  readonly after?: number | undefined;
}

/** Cursor key: window of the first page, seq of the last event. */
const KEY_LENGTH = 3;

/**
 * Events after a seq and in a window. Members of a set are printed with the lifespans of the set.
 *
 * Errors: NsauditError `pruned` when the event after that seq has been removed.
 */
export function listEvents(question: Question, request: EventsRequest): Answer<EventJson> {
  const { since, until, after: afterSeq } = request;
  const asked = ['events', afterSeq ?? null, fingerprintTime(since), fingerprintTime(until)];
  const { limit, after, next } = openPage(request, asked, KEY_LENGTH);
  const log = question.log();
  const head = log.head();
  const window = after ? fromKey(after) : question.times.toWindow(request);
  const firstSeq = window.sinceUs === null ? 1 : log.findSeqAt(window.sinceUs);
  const endSeq = window.untilUs === null ? head.position + 1 : log.findSeqAt(window.untilUs);
  const from = after?.[2] ?? Math.max(afterSeq ?? 0, firstSeq - 1);
  const wanted = after?.[2] ?? afterSeq ?? 0;
  // Whoever goes on from there would miss events without noticing.
  if (wanted > 0 && wanted < (log.cut()?.lastSeq ?? 0)) {
    requireNotPruned(log, wanted + 1);
  }
  const stored = log
    .readEvents({ after: from, limit: Math.max(0, Math.min(limit + 1, endSeq - 1 - from)) })
    .map(fromStoredEvent);
  const events = stored.slice(0, limit);
  const last = stored.length > limit ? events.at(-1) : undefined;
  const { nowUs } = question.head;
  return toAnswer(
    { ...question.head, position: head.position },
    {
      atUs: Math.min(window.untilUs ?? nowUs, nowUs),
      coverage: question.coverage.ofWindow(window),
      data: events.map((event) => toFullEventJson(question, log, event)),
      limit,
      next: last ? next([...toKey(window), last.seq]) : null,
    },
  );
}

function toFullEventJson(question: Question, log: EventLogReader, event: AuditEvent): EventJson {
  const json = toEventJson(event, question.head.clock);
  const set = 'set' in event ? event.set : null;
  return set === null || Array.isArray(json['namespaces'])
    ? json
    : { ...json, namespaces: listSet(question, log, set).map(String) };
}

/**
 * The lifespans of a set: from read.db, or, while that is behind the log, from the event that introduced
 * the set and whose seq is its id.
 */
function listSet({ runner }: Question, log: EventLogReader, set: number): readonly number[] {
  const rows = runner.all<{ lifespan: number }>('lifespans-of-set', { set_id: set });
  if (rows.length > 0) {
    return rows.map(({ lifespan }) => lifespan).toSorted((left, right) => left - right);
  }
  const [stored] = log.readEvents({ after: set - 1, limit: 1 });
  const event = stored?.seq === set ? fromStoredEvent(stored) : undefined;
  const isIntroduction = event?.event === 'holder.gained' || event?.event === 'holders.churned';
  return isIntroduction ? (event.namespaces ?? []) : [];
}
