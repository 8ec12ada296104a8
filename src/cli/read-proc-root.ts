/** Where procfs is mounted. The only place in src that spells the usual path out is the option table. */
import { resolve } from 'node:path';
import type { CommandContext } from './command-context.ts';
import { OPTIONS } from './options.ts';

export function readProcRoot({ options, currentDirectory }: CommandContext): string {
  const usual = OPTIONS.find(({ name }) => name === 'proc-root')?.default ?? '';
  return resolve(currentDirectory, options.text('proc-root') ?? usual);
}
