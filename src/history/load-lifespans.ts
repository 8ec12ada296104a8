/** Lifespans in full, as they were at an instant. */
import { assert } from '../domain/errors.ts';
import { toLifespanJson, type LifespanJson } from '../domain/json.ts';
import type { Lifespan } from '../domain/lifespan.ts';
import type { LifespanRow } from '../store/database-schema.ts';
import { toLifespan } from '../store/read-rows.ts';
import type { Question } from './question.ts';

/** One record, as it stands now; undefined when there is none of that id. */
export function findLifespan({ runner }: Question, id: number): Lifespan | undefined {
  const row = runner.get<LifespanRow>('lifespan', { lifespan: id });
  return row && toLifespan(row);
}

/**
 * The lifespans of these ids, in this order, as they are printed for an instant: `holders.now` is the
 * count at that instant.
 */
export function loadLifespans(
  question: Question,
  ids: readonly number[],
  atUs: number,
): LifespanJson[] {
  const { host, clock, nowUs, lastEventUs } = question.head;
  const list = JSON.stringify(ids);
  const rows = question.runner.all<LifespanRow>('lifespan', { lifespan: list });
  const rowById = new Map(rows.map((row) => [row.id, row]));
  const counts = atUs >= lastEventUs ? undefined : countHolders(question, list, atUs);
  return ids.map((id) => {
    const row = rowById.get(id);
    assert(row !== undefined, `lifespan ${id} is named by read.db but not in it`);
    const lifespan = toLifespan(row);
    const holdersNow = counts?.get(id) ?? lifespan.holdersNow;
    return toLifespanJson(
      { ...lifespan, holdersNow },
      { host, clock, atUs, watchedUntilUs: nowUs },
    );
  });
}

function countHolders({ runner }: Question, list: string, atUs: number): Map<number, number> {
  const rows = runner.all<{ lifespan: number; holders: number }>('holder-count', {
    lifespan: list,
    at: atUs,
  });
  return new Map(rows.map(({ lifespan, holders }) => [lifespan, holders]));
}
