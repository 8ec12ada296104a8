/** How `nsaudit collect` signs and publishes checkpoints. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CheckpointOptions } from '../collector/checkpoint-heartbeat.ts';
import { NsauditError } from '../domain/errors.ts';
import type { CommandContext } from './command-context.ts';
import type { OptionName } from './options.ts';
import { readVerifierKeys } from './read-keys.ts';
import { readSpanMs } from './read-options.ts';
import { readSecret } from './read-token.ts';

/** Name of the credential that systemd passes (LoadCredential=). */
const CREDENTIAL = 'checkpoint.key';
const INTERVAL_LIMITS = { minMs: 1_000, maxMs: 86_400_000 };
const INTERVAL_DEFAULT_MS = 60_000;
const NEEDING_KEY = ['checkpoint-file', 'checkpoint-interval', 'witness'] as const;

/**
 * Null when there is no key to sign with.
 *
 * Errors: NsauditError `usage` for options that need what was not given, a key that is none, or one that
 * others may read; `io` when it cannot be read.
 */
export function readCheckpointOptions(context: CommandContext): CheckpointOptions | null {
  const { options, output, currentDirectory } = context;
  const privateKey = findPrivateKey(context);
  if (privateKey === null) {
    for (const name of NEEDING_KEY) {
      refuseWithout(options.has(name), name, 'a key to sign with: add --checkpoint-key');
    }
    return null;
  }
  const witnessUrls = options.list('witness').map(readUrl);
  const witnessKeys = readVerifierKeys(context, 'witness-key');
  refuseWithout(
    witnessUrls.length > 0 && witnessKeys.length === 0,
    'witness',
    'the key by which its cosignatures are known: add --witness-key',
  );
  const file = options.text('checkpoint-file');
  return {
    privateKey,
    intervalMs: readSpanMs(options, 'checkpoint-interval', INTERVAL_LIMITS) ?? INTERVAL_DEFAULT_MS,
    file: file === undefined ? null : resolve(currentDirectory, file),
    witnessUrls,
    witnessKeys,
    onNote: (note) => output.write(note),
  };
}

function refuseWithout(isRefused: boolean, name: OptionName, needed: string): void {
  if (isRefused) {
    throw new NsauditError('usage', `--${name} needs ${needed}.`);
  }
}

function findPrivateKey({
  options,
  environment,
  userId,
  currentDirectory,
}: CommandContext): KeyObject | null {
  const named = options.text('checkpoint-key');
  if (named !== undefined) {
    const path = resolve(currentDirectory, named);
    return parsePrivateKey(path, readSecret(path, userId, 'key'));
  }
  const directory = environment['CREDENTIALS_DIRECTORY'];
  const path = join(directory ?? '', CREDENTIAL);
  // Who may read a credential is for systemd to guard; its mode shows an access list of its own.
  return directory !== undefined && existsSync(path)
    ? parsePrivateKey(path, readFileSync(path, 'utf8'))
    : null;
}

function parsePrivateKey(path: string, text: string): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = createPrivateKey(text);
  } catch {
    // Said below; the cause could quote the key.
  }
  if (key?.asymmetricKeyType !== 'ed25519') {
    throw new NsauditError(
      'usage',
      `${path} holds no Ed25519 private key in PEM: make one with nsaudit checkpoint --make-key FILE.`,
    );
  }
  return key;
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new NsauditError(
      'usage',
      `--witness: "${text}" is no http or https address of a witness, such as https://witness.example/prefix.`,
    );
  }
  return url.href.replace(/\/+$/, '');
}
