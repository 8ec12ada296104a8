/** Holders in full. */
import { assert } from '../domain/errors.ts';
import type { Holder } from '../domain/holder.ts';
import type { HolderRow } from '../store/database-schema.ts';
import { toHolder } from '../store/read-rows.ts';
import type { Question } from './question.ts';

/** The holders of these ids, by id. */
export function loadHolders({ runner }: Question, ids: readonly number[]): Map<number, Holder> {
  const rows = runner.all<HolderRow>('holder', { holder: JSON.stringify(ids) });
  return new Map(rows.map((row) => [row.id, toHolder(row)]));
}

/** A holder that read.db names. */
export function requireHolder(holders: ReadonlyMap<number, Holder>, id: number): Holder {
  const holder = holders.get(id);
  assert(holder !== undefined, `holder ${id} is named by read.db but not in it`);
  return holder;
}
