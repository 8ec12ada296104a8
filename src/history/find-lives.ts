/** From a target to the lives it names. */
import { NsauditError, unreachable } from '../domain/errors.ts';
import type { Lifespan } from '../domain/lifespan.ts';
import type { Target } from '../domain/parse-target.ts';
import { removedError } from '../store/log-cut.ts';
import { findLifespan } from './load-lifespans.ts';
import type { Binding } from './open-reader.ts';
import type { Question } from './question.ts';
import type { OpenWindow } from './resolve-time.ts';

export interface LifeRow {
  readonly lifespan: number;
  /** The earliest birth, on the host timeline: lives are ordered by it. */
  readonly order_us: number;
}

const COLUMNS = ['lifespan', 'order_us'];

/** The lifespan of an id. Errors: NsauditError `not-found`, or `pruned` when it may have been there. */
export function requireLifespan(question: Question, id: number): Lifespan {
  const lifespan = findLifespan(question, id);
  if (!lifespan && id <= question.head.prunedSeq) {
    throw removedError(`there is no lifespan #${id} in the record any more`, {
      lastSeq: question.head.prunedSeq,
    });
  }
  if (!lifespan) {
    throw new NsauditError(
      'not-found',
      `there is no lifespan #${id} in the record, which ends at position ${question.head.position}: nsaudit state lists those of now.`,
    );
  }
  return lifespan;
}

/**
 * A page of the lives that a target names and that may have lived in a window, newest first.
 *
 * A name is borne in the window; a life by id or number is lived in it.
 */
export function findLives(
  question: Question,
  target: Target,
  request: { window: OpenWindow; before: readonly number[] | undefined; limit: number },
): LifeRow[] {
  const { window, before, limit } = request;
  const [beforeUs = null, beforeId = null] = before ?? [];
  const binding: Binding = {
    since: window.sinceUs,
    until: window.untilUs,
    before_us: beforeUs,
    before: beforeId,
    limit,
  };
  const { runner } = question;
  switch (target.kind) {
    case 'inum': {
      const { inum, type } = target;
      return runner.pick('lifespans-of-inum', COLUMNS, { ...binding, inum, type });
    }
    case 'kernel-id':
      return runner.pick('lifespans-of-kernel-id', COLUMNS, {
        ...binding,
        kernel_id: target.kernelNamespaceId,
      });
    case 'name':
      return runner.pick('lifespans-of-name', COLUMNS, { ...binding, path: target.name });
    case 'lifespan': {
      const life = toLifeRow(requireLifespan(question, target.lifespan), window);
      return life && before === undefined ? [life] : [];
    }
    default:
      return unreachable(target);
  }
}

function toLifeRow({ id, born, gone }: Lifespan, window: OpenWindow): LifeRow | undefined {
  const fromUs = born.after ?? born.by;
  const isBefore = gone !== null && window.sinceUs !== null && gone.by <= window.sinceUs;
  const isAfter = window.untilUs !== null && fromUs >= window.untilUs;
  return isBefore || isAfter ? undefined : { lifespan: id, order_us: fromUs };
}
