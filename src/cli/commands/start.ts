/**
 * `nsaudit start`: collector and API together, for trying it.
 *
 * The collector is a process of its own, so that serving a large answer never delays a scan. Both belong
 * to the same user here; as services they do not (systemd/).
 */
import { randomBytes } from 'node:crypto';
import { parseListenAddress } from '../../api/listen.ts';
import { NsauditError } from '../../domain/errors.ts';
import { startCollector } from '../collector-process.ts';
import type { CommandContext } from '../command-context.ts';
import { findDefaultStateDirectory, findTrialStateDirectory } from '../find-state-directory.ts';
import type { Output } from '../output.ts';
import { findOwnCommand, quoteForShell } from '../own-command.ts';
import { runApi } from '../run-api.ts';

const LISTEN_DEFAULT = '127.0.0.1:0';
const TOKEN_BYTES = 32;

export async function run(context: CommandContext): Promise<number> {
  const { options, output, untilStopped } = context;
  const text = options.text('listen') ?? LISTEN_DEFAULT;
  const address = parseListenAddress(text);
  if (address.kind !== 'tcp') {
    throw new NsauditError(
      'usage',
      `--listen ${text}: start takes HOST:PORT, so that a browser can open it.`,
    );
  }
  const stateDirectory = findTrialStateDirectory(context);
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  const collector = startCollector(context, stateDirectory);
  const signal = AbortSignal.any([untilStopped(), collector.ended]);
  try {
    if (await collector.ready) {
      const command = toCommand(context, stateDirectory);
      await runApi(context, {
        stateDirectory,
        address,
        token,
        logLevel: 'warn',
        signal,
        onListening: (url) => sayHowToTry(output, { stateDirectory, url, token, command }),
      });
    }
  } finally {
    await collector.stop();
  }
  return collector.status();
}

/** A command that works as it stands, in any directory of any shell of this user. */
function toCommand(context: CommandContext, stateDirectory: string): string {
  const isUsual = stateDirectory === findDefaultStateDirectory(context);
  const where = isUsual ? '' : ` --state-dir ${quoteForShell(stateDirectory)}`;
  return `${findOwnCommand(context.environment)} state${where}`;
}

function sayHowToTry(
  output: Output,
  {
    stateDirectory,
    url,
    token,
    command,
  }: Record<'stateDirectory' | 'url' | 'token' | 'command', string>,
): void {
  output.write(
    [
      `Watching. The record is in ${stateDirectory}`,
      '',
      `  open  ${url}/?token=${token}`,
      `  try   ${command}`,
      '',
      'Create a namespace in another terminal (sudo ip netns add blue), and ask again. Ctrl-C stops.',
      '',
    ].join('\n'),
  );
}
