/** What `nsaudit prune` is asked to remove. */
import { NsauditError } from '../domain/errors.ts';
import { parseBytes } from '../domain/parse-arguments.ts';
import type { TimeReference } from '../domain/parse-time.ts';
import { findBootSeq, type CutRequest } from '../store/find-cut.ts';
import type { DatabaseHandle } from '../store/open-database.ts';
import type { CommandContext } from './command-context.ts';
import { readTime } from './read-options.ts';

export interface PruneRequest {
  readonly isDryRun: boolean;
  readonly isWithoutWitness: boolean;
  /** Looks up what only the log knows. */
  toCut(db: DatabaseHandle): CutRequest;
}

/**
 * Errors: NsauditError `usage` when neither a time nor a size is given, or neither `--yes` nor `--dry-run`: what
 * is removed cannot be brought back, and nobody is asked, because a timer could not answer.
 */
export function readPruneRequest(context: Pick<CommandContext, 'options' | 'nowUs'>): PruneRequest {
  const { options, nowUs } = context;
  const before = readTime(context, 'before');
  const size = options.text('vacuum-size');
  const sizeBytes = size === undefined ? undefined : parseBytes(size, '--vacuum-size');
  if (before === undefined && sizeBytes === undefined) {
    throw new NsauditError(
      'usage',
      'say what to remove: --before TIME, for example -90d, or --vacuum-size SIZE, for example 4G.',
    );
  }
  if (options.has('yes') === options.has('dry-run')) {
    throw new NsauditError(
      'usage',
      'what is pruned cannot be brought back: say --dry-run to see what it would be, or --yes to remove it.',
    );
  }
  return {
    isDryRun: options.has('dry-run'),
    isWithoutWitness: options.has('without-witness'),
    toCut: (db) => ({ ...toCut(db, before, nowUs()), sizeBytes }),
  };
}

function toCut(db: DatabaseHandle, before: TimeReference | undefined, nowUs: number): CutRequest {
  switch (before?.kind) {
    case undefined:
      return {};
    case 'wall':
      return { beforeWallUs: before.wallUs };
    case 'now':
      return { beforeWallUs: nowUs };
    case 'seq':
      return { beforeSeq: before.seq };
    case 'boot':
      return { beforeSeq: findBootSeq(db) };
  }
}
