/** How to call this very program from a shell. */
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPackageDirectory } from './version.ts';

const PROGRAM = 'nsaudit';

/** main.js of the build this file belongs to. */
export function findMainFile(): string {
  return fileURLToPath(new URL('main.js', import.meta.url));
}

/**
 * `nsaudit` where the PATH leads here, else the launcher of the checkout with its whole path, else node
 * and the file: so that the words work in any directory.
 */
export function findOwnCommand(environment: Readonly<Record<string, string | undefined>>): string {
  const main = findMainFile();
  const launcher = join(findPackageDirectory(), PROGRAM);
  const ours = new Set(
    [main, launcher].filter((path) => existsSync(path)).map((path) => realpathSync(path)),
  );
  const found = (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => isAbsolute(directory))
    .map((directory) => join(directory, PROGRAM))
    .find((path) => existsSync(path));
  if (found !== undefined && ours.has(realpathSync(found))) {
    return PROGRAM;
  }
  return existsSync(launcher)
    ? quoteForShell(launcher)
    : `${quoteForShell(process.execPath)} ${quoteForShell(main)}`;
}

/** A word as a POSIX shell reads it back unchanged. */
export function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
