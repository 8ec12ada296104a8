/** Where the record stands, for health checks and metrics. */
import { fromStoredEvent } from '../domain/event.ts';
import { toInstantJson } from '../domain/json.ts';
import { NAMESPACE_TYPES, type NamespaceType } from '../domain/namespace-type.ts';
import { FOREVER_US } from '../domain/time.ts';
import type { WallClock } from '../domain/wall-clock.ts';
import type { EventLogReader } from '../store/event-log-reader.ts';
import { measureDisk } from '../store/measure-disk.ts';
import type { StateFiles } from '../store/state-directory.ts';
import type { Status } from './history.ts';
import type { Statements } from './open-reader.ts';
import type { Question } from './question.ts';

const COUNT_SQL = `
  SELECT count(*) AS alive FROM lifespan AS l WHERE l.type = :type AND l.to_us = ${FOREVER_US}`;

const GAPS_SQL = `
  SELECT
    count(*) AS gapCount,
    coalesce(sum(g.to_us - g.from_us), 0) AS gapTotalUs,
    count(g.lost) AS lossCount,
    coalesce(sum(g.lost), 0) AS lostCount
  FROM gap AS g
  WHERE g.reason <> 'pruned'`;

export function readStatus(
  { head, log }: Question,
  statements: Statements,
  files: StateFiles,
): Status {
  const count = (type: NamespaceType) =>
    statements.get<{ alive: number }>(COUNT_SQL, { type })?.alive ?? 0;
  const gaps =
    statements.get<Pick<Status, 'gapCount' | 'gapTotalUs' | 'lossCount' | 'lostCount'>>(GAPS_SQL);
  return {
    host: head.host,
    logId: head.logId,
    position: head.position,
    head: log().head().position,
    isCollecting: head.isCollecting,
    suspendedAt: findSuspension(log(), head.clock),
    lastScanAt: head.lastScanUs === null ? null : toInstantJson(head.clock, head.lastScanUs),
    namespaces: Object.fromEntries(
      NAMESPACE_TYPES.map((type) => [type, count(type)]),
    ) as Status['namespaces'],
    gapCount: gaps?.gapCount ?? 0,
    gapTotalUs: gaps?.gapTotalUs ?? 0,
    lossCount: gaps?.lossCount ?? 0,
    lostCount: gaps?.lostCount ?? 0,
    disk: measureDisk(files),
  };
}

/** While nothing is recorded, that it is not is the last thing that was. */
function findSuspension(log: EventLogReader, clock: WallClock): string | null {
  const [last] = log.readEvents({ after: log.head().position - 1, limit: 1 });
  if (last?.event !== 'recording.changed') {
    return null;
  }
  const event = fromStoredEvent(last);
  return event.event === 'recording.changed' && event.level === 'suspended'
    ? toInstantJson(clock, event.at)
    : null;
}
