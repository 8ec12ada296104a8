/** `nsaudit state --tree` in a table: everything that was there, as a tree. */
import { NsauditError } from '../domain/errors.ts';
import type { Answer, LifespanJson } from '../domain/json.ts';
import { LIMIT_MAX, type History } from '../history/history.ts';
import type { Surroundings } from './command-context.ts';
import {
  ASCII_STROKES,
  drawTree,
  listMissing,
  UTF8_STROKES,
  type Strokes,
  type TreeLine,
} from './namespace-tree.ts';

type StateRequest = Parameters<History['state']>[0];

/** All rows of an answer in one, and what stands above them, as lines. */
export function drawState(
  history: History,
  { types, ...request }: Pick<StateRequest, 'at' | 'types' | 'all' | 'observers'>,
  strokes: Strokes,
): Answer<TreeLine> {
  // Of every type: what is wanted may stand below what is not.
  const first = history.state({ ...request, limit: LIMIT_MAX });
  const rows = [...first.data];
  for (let { next } = first.page; next !== null;) {
    const more = history.state({ ...request, limit: LIMIT_MAX, cursor: next });
    rows.push(...more.data);
    ({ next } = more.page);
  }
  const outside: LifespanJson[] = [];
  for (let missing = listMissing(rows); missing.length > 0;) {
    const found = missing.flatMap((id) => findLife(history, id));
    outside.push(...found);
    missing = found.length === 0 ? [] : listMissing([...rows, ...outside]);
  }
  const wanted = new Set(rows.filter(({ type }) => types?.includes(type) ?? true));
  const data = drawTree({ rows, outside, isWanted: (row) => wanted.has(row) }, strokes);
  return { ...first, data, page: { limit: Math.max(LIMIT_MAX, rows.length), next: null } };
}

/** Nothing where the record has no such life. */
function findLife(history: History, id: string): readonly LifespanJson[] {
  try {
    return history.lifespan(Number(id)).data;
  } catch (error) {
    if (error instanceof NsauditError && error.code === 'not-found') {
      return [];
    }
    throw error;
  }
}

/** Lines where the locale says that the terminal can show them, as util-linux chooses; locale(7). */
export function chooseStrokes({ environment }: Pick<Surroundings, 'environment'>): Strokes {
  const { LC_ALL: all, LC_CTYPE: characters, LANG: language } = environment;
  const locale = [all, characters, language].find((name) => name !== undefined && name !== '');
  return /utf-?8/i.test(locale ?? '') ? UTF8_STROKES : ASCII_STROKES;
}
