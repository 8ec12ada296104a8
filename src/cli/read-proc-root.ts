/** Where procfs is mounted. The only place in src that spells the usual path out is the option table. */
import { resolve } from 'node:path';
import type { CommandContext } from './command-context.ts';
import { OPTIONS } from './options.ts';

export function readProcRoot({ options, currentDirectory }: CommandContext): string {
  return resolve(currentDirectory, options.text('proc-root') ?? findUsual());
}

/** Whether that is this host's own procfs: another one may show another host, or a picture of one. */
export function isOwnProcRoot(context: CommandContext): boolean {
  return readProcRoot(context) === findUsual();
}

function findUsual(): string {
  return OPTIONS.find(({ name }) => name === 'proc-root')?.default ?? '';
}
