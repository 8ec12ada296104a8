/** Pages through rows that belong to the lives of a target, life by life, oldest first. */
import type { Target } from '../domain/parse-target.ts';
import { findLives, type LifeRow } from './find-lives.ts';
import type { Question } from './question.ts';
import type { OpenWindow } from './resolve-time.ts';

interface Walk<Row> {
  readonly target: Target;
  readonly window: OpenWindow;
  readonly limit: number;
  /** Where the page before ended: order and id of the life, then the key of the row in it. */
  readonly after: readonly number[] | undefined;
  readonly keyOf: (row: Row) => readonly number[];
  /** At most `limit` rows of a life after a key; the key is empty for the first. */
  readonly read: (lifespan: number, after: readonly number[], limit: number) => readonly Row[];
}

export interface Walked<Row> {
  readonly rows: readonly { readonly lifespan: number; readonly row: Row }[];
  /** Where the page ended, when there is more. */
  readonly last: readonly number[] | null;
}

/** Lives are found newest first; this many of them are turned around at a time. */
const LIVES_AT_ONCE = 1_000;

export function walkLives<Row>(question: Question, walk: Walk<Row>): Walked<Row> {
  const { limit, after, keyOf, read } = walk;
  const rows: { lifespan: number; key: readonly number[]; row: Row }[] = [];
  for (const life of listOldestFirst(question, walk)) {
    const isSame = after !== undefined && life.lifespan === after[1];
    const wanted = limit + 1 - rows.length;
    for (const row of read(life.lifespan, isSame ? after.slice(2) : [], wanted)) {
      rows.push({
        lifespan: life.lifespan,
        key: [life.order_us, life.lifespan, ...keyOf(row)],
        row,
      });
    }
    if (rows.length > limit) {
      break;
    }
  }
  const page = rows.slice(0, limit);
  return { rows: page, last: rows.length > limit ? (page.at(-1)?.key ?? null) : null };
}

/** The lives from the one where the page before ended on, oldest first. */
function listOldestFirst(
  question: Question,
  { target, window, after }: Pick<Walk<unknown>, 'target' | 'window' | 'after'>,
): LifeRow[] {
  const lives: LifeRow[] = [];
  let before: readonly number[] | undefined;
  for (;;) {
    const chunk = findLives(question, target, { window, before, limit: LIVES_AT_ONCE });
    lives.push(...chunk);
    const oldest = chunk.at(-1);
    if (!oldest || chunk.length < LIVES_AT_ONCE) {
      break;
    }
    before = [oldest.order_us, oldest.lifespan];
  }
  const [afterUs = Number.NEGATIVE_INFINITY, afterId = 0] = after ?? [];
  return lives
    .filter(({ order_us: us, lifespan }) => us > afterUs || (us === afterUs && lifespan >= afterId))
    .toReversed();
}
