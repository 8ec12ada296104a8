/** Which state directory a command is about. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { NsauditError } from '../domain/errors.ts';
import type { CommandContext, Surroundings } from './command-context.ts';

const SYSTEM_DIRECTORY = '/var/lib/nsaudit';
const LOG_FILE = 'log.db';

type Places = Pick<Surroundings, 'environment' | 'userId' | 'homeDirectory'>;

/**
 * `$XDG_STATE_HOME/nsaudit`, else `~/.local/state/nsaudit`. A relative XDG_STATE_HOME does not count,
 * XDG Base Directory Specification 0.8.
 */
function findUserDirectory({ environment, homeDirectory }: Places): string {
  const stateHome = environment['XDG_STATE_HOME'] ?? '';
  const home = environment['HOME'] || homeDirectory;
  return join(isAbsolute(stateHome) ? stateHome : join(home, '.local', 'state'), 'nsaudit');
}

function findNamed({ options, environment, currentDirectory }: CommandContext): string | undefined {
  const named = options.text('state-dir') ?? (environment['NSAUDIT_STATE_DIR'] || undefined);
  if (named === '') {
    throw new NsauditError('usage', '--state-dir is empty: name a directory.');
  }
  return named === undefined ? undefined : resolve(currentDirectory, named);
}

/** Where a command looks when nobody says where: the system's directory for root, the user's own otherwise. */
export function findDefaultStateDirectory(places: Places): string {
  return places.userId === 0 ? SYSTEM_DIRECTORY : findUserDirectory(places);
}

/** `--state-dir`, else NSAUDIT_STATE_DIR, else the default. Whether it exists is another question. */
export function findStateDirectory(context: CommandContext): string {
  return findNamed(context) ?? findDefaultStateDirectory(context);
}

/** For trying it: the same, but the user's own directory also for root. */
export function findTrialStateDirectory(context: CommandContext): string {
  return findNamed(context) ?? findUserDirectory(context);
}

/**
 * The state directory of a command that only reads.
 *
 * Errors: NsauditError `unavailable` when nobody said where, the default place has no log, and the other
 * default place has one: then the sentence names it. Everything else that can be wrong with a state
 * directory is for who opens it to say.
 */
export function findRecordedStateDirectory(context: CommandContext): string {
  const named = findNamed(context);
  if (named !== undefined) {
    return named;
  }
  const usual = findDefaultStateDirectory(context);
  const others = [SYSTEM_DIRECTORY, findUserDirectory(context)].filter((path) => path !== usual);
  const other = others.find((path) => existsSync(join(path, LOG_FILE)));
  if (other !== undefined && !existsSync(join(usual, LOG_FILE))) {
    throw new NsauditError(
      'unavailable',
      `there is no record in ${usual}, but there is one in ${other}: say --state-dir ${other}`,
    );
  }
  return usual;
}
