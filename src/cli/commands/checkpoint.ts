/** `nsaudit checkpoint`: the newest signed checkpoint, and the key that signs them. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { NsauditError } from '../../domain/errors.ts';
import { errnoOf } from '../../store/database-errors.ts';
import { askHistory } from '../ask.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { toJsonLine } from '../format-rows.ts';
import { readFormat } from '../read-options.ts';

/** Read and written by its owner, and nobody else. */
const KEY_MODE = 0o600;

export async function run(context: CommandContext): Promise<number> {
  const { options, output } = context;
  const keyFile = options.text('make-key');
  if (keyFile !== undefined) {
    makeKey(resolve(context.currentDirectory, keyFile));
    return EXIT_STATUS.ok;
  }
  const format = readFormat(options, ['table', 'json']);
  return await askHistory(context, (history) => {
    const checkpoint = history.checkpoint();
    output.write(format === 'json' ? toJsonLine(checkpoint) : checkpoint.note);
    return EXIT_STATUS.ok;
  });
}

function makeKey(path: string): void {
  const { privateKey } = generateKeyPairSync('ed25519');
  const text = privateKey.export({ format: 'pem', type: 'pkcs8' });
  try {
    writeFileSync(path, text, { mode: KEY_MODE, flag: 'wx' });
  } catch (cause) {
    throw errnoOf(cause) === 'EEXIST'
      ? new NsauditError('usage', `${path} exists, and a key replaces nothing; name a new file.`)
      : new NsauditError('io', `cannot write the key file ${path}.`, { cause });
  }
}
