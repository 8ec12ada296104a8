/** `nsaudit serve`: the HTTP API. */
import { join } from 'node:path';
import { findInheritedSocket, parseListenAddress, type ListenAddress } from '../../api/listen.ts';
import { NsauditError } from '../../domain/errors.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { findRecordedStateDirectory } from '../find-state-directory.ts';
import { readToken } from '../read-token.ts';
import { runApi } from '../run-api.ts';

const SOCKET_NAME = 'api.sock';

export async function run(context: CommandContext): Promise<number> {
  const { options, output, userId, untilStopped } = context;
  const stateDirectory = findRecordedStateDirectory(context);
  const address = findAddress(context, stateDirectory);
  const tokenFile = options.text('token-file');
  if (address.kind === 'tcp' && tokenFile === undefined) {
    throw new NsauditError(
      'usage',
      `--listen ${options.text('listen') ?? ''} can be reached by every user of this host, so it needs --token-file FILE.`,
    );
  }
  await runApi(context, {
    stateDirectory,
    address,
    token: tokenFile === undefined ? undefined : readToken(tokenFile, userId),
    logLevel: options.has('quiet') ? 'warn' : 'info',
    signal: untilStopped(),
    onListening: (url) => output.say(`listening on ${url}`),
  });
  return EXIT_STATUS.ok;
}

function findAddress(
  { options, environment }: CommandContext,
  stateDirectory: string,
): ListenAddress {
  const text = options.text('listen');
  return text === undefined
    ? (findInheritedSocket(environment, process.pid) ??
        parseListenAddress(`unix:${join(stateDirectory, SOCKET_NAME)}`))
    : parseListenAddress(text);
}
