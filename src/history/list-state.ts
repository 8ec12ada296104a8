/** Which namespaces were there at an instant. */
import { NsauditError } from '../domain/errors.ts';
import type { Answer, LifespanJson } from '../domain/json.ts';
import type { NamespaceType } from '../domain/namespace-type.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import { fingerprintTime, openPage } from './cursor.ts';
import type { PageRequest } from './history.ts';
import { loadLifespans } from './load-lifespans.ts';
import { cutPage, toAnswer, type Question } from './question.ts';

interface StateRequest extends PageRequest {
  readonly at?: TimeReference | undefined;
  readonly types?: readonly NamespaceType[] | undefined;
  readonly all?: boolean | undefined;
  /** False leaves out what only the collector itself and its children hold then. */
  readonly observers?: boolean | undefined;
}

interface StateRow {
  readonly lifespan: number;
  readonly order_us?: number;
}

/** Cursor key: instant of the first page, what rows are ordered by, lifespan. */
const KEY_LENGTH = 3;

export function listState(question: Question, request: StateRequest): Answer<LifespanJson> {
  const { at, types, all = false, observers = true } = request;
  if (all && !observers) {
    throw new NsauditError(
      'usage',
      'what only observers hold can be left out of an instant, not of a whole boot: ask without "all".',
    );
  }
  const asked = ['state', fingerprintTime(at), types ?? null, all, observers];
  const { limit, after, next } = openPage(request, asked, KEY_LENGTH);
  const [atUs = question.times.toInstantUs(at), orderUs, lifespan] = after ?? [];
  const binding = { at: atUs, type: types?.join(',') ?? null, limit: limit + 1 };
  const { runner } = question;
  const rows = all
    ? runner.pick<StateRow>('lifespans-of-boot', ['lifespan', 'order_us'], {
        ...binding,
        after_us: orderUs ?? null,
        after: lifespan ?? null,
      })
    : runner.pick<StateRow>('state-at', ['lifespan'], {
        ...binding,
        observers: Number(observers),
        after: lifespan ?? null,
      });
  const { page, last } = cutPage(rows, limit);
  const ids = page.map((row) => row.lifespan);
  return toAnswer(question.head, {
    atUs,
    // Of a whole boot, what had ended by then belongs to the answer.
    coverage: all ? question.coverage.ofBootUntil(atUs) : question.coverage.atInstant(atUs),
    data: loadLifespans(question, ids, { atUs, observers }),
    limit,
    next: last ? next([atUs, last.order_us ?? 0, last.lifespan]) : null,
  });
}
