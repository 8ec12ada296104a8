/** Keys and checkpoints that a person brings along. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { NsauditError } from '../domain/errors.ts';
import { sortCheckpoints, type IgnoredCheckpoint } from '../store/checkpoint-note.ts';
import { parseVerifierKey, type VerifierKey } from '../store/signed-note.ts';
import type { Trust } from '../store/verify-checkpoints.ts';
import type { CommandContext } from './command-context.ts';

type KeyContext = Pick<CommandContext, 'options' | 'currentDirectory'>;

/** A file that the command line names. Errors: NsauditError `io`. */
export function readNamedFile(
  { currentDirectory }: Pick<CommandContext, 'currentDirectory'>,
  option: string,
  name: string,
): string {
  try {
    return readFileSync(resolve(currentDirectory, name), 'utf8');
  } catch (cause) {
    throw new NsauditError('io', `--${option}: cannot read ${name}.`, { cause });
  }
}

/**
 * The keys of `--public-key` (of a log) or `--witness-key` (of a witness).
 *
 * Errors: NsauditError `usage` for what is no key, or one of the other kind; `io` for a file.
 */
export function readVerifierKeys(
  context: KeyContext,
  option: 'public-key' | 'witness-key',
): VerifierKey[] {
  const kind = option === 'public-key' ? 'log' : 'witness';
  return context.options
    .list(option)
    .flatMap((value) => (isKeyText(value) ? [value] : readKeyLines(context, option, value)))
    .map((text) => {
      const key = parseVerifierKey(text);
      if (key.kind !== kind) {
        throw new NsauditError(
          'usage',
          `--${option}: ${key.text} is the key of a ${key.kind}; give it with --${key.kind === 'log' ? 'public-key' : 'witness-key'}.`,
        );
      }
      return key;
    });
}

function isKeyText(value: string): boolean {
  return /^[^+]+\+[\da-f]{8}\+/.test(value);
}

function readKeyLines(context: KeyContext, option: string, name: string): string[] {
  const lines = readNamedFile(context, option, name)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0) {
    throw new NsauditError('usage', `--${option}: ${name} holds no key.`);
  }
  return lines;
}

/** What was brought along, and the checkpoints among it that none of the keys has signed. */
interface BroughtTrust extends Trust {
  readonly ignored: readonly IgnoredCheckpoint[];
}

/**
 * Everything that `nsaudit verify` is given to compare the log with.
 *
 * Errors: as readVerifierKeys and sortCheckpoints; `usage` for a checkpoint without a key.
 */
export function readTrust(context: KeyContext): BroughtTrust {
  const logKeys = readVerifierKeys(context, 'public-key');
  const witnessKeys = readVerifierKeys(context, 'witness-key');
  const file = context.options.text('checkpoint');
  if (file === undefined) {
    return { logKeys, witnessKeys, checkpoints: [], ignored: [] };
  }
  const keys = [...logKeys, ...witnessKeys];
  if (keys.length === 0) {
    throw new NsauditError(
      'usage',
      '--checkpoint says nothing without a key that signed it: add --public-key or --witness-key.',
    );
  }
  const text = readNamedFile(context, 'checkpoint', file);
  const { trusted, ignored } = sortCheckpoints(text, keys, file);
  return { logKeys, witnessKeys, checkpoints: trusted, ignored };
}
