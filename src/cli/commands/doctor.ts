/** `nsaudit doctor`: what can be seen on this host, and whether all is well. */
import { NsauditError } from '../../domain/errors.ts';
import { unpinRoot } from '../../observe/pin-root.ts';
import type { CommandContext } from '../command-context.ts';
import { escapeText } from '../escape-text.ts';
import { examineHost } from '../examine-host.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { formatExamination } from '../format-examination.ts';
import { toJsonLine } from '../format-rows.ts';
import { readFormat } from '../read-options.ts';
import { readPinRoot } from '../read-pin-directory.ts';

export async function run(context: CommandContext): Promise<number> {
  const { options, output } = context;
  const format = readFormat(options, ['table', 'json']);
  if (options.has('unpin')) {
    const answer = unpin(context);
    output.write(format === 'json' ? toJsonLine(answer) : formatUnpinned(answer));
    return EXIT_STATUS.ok;
  }
  const examination = await examineHost(context);
  output.write(format === 'json' ? toJsonLine(examination) : formatExamination(examination));
  return EXIT_STATUS.ok;
}

interface Unpinned {
  readonly pinRoot: string;
  /** One for each state directory whose collector had pinned. */
  readonly removedDirectories: number;
}

function unpin(context: CommandContext): Unpinned {
  const pinRoot = readPinRoot(context);
  if (pinRoot === null) {
    throw new NsauditError(
      'unavailable',
      'no BPF file system is mounted at /sys/fs/bpf, so nothing can be pinned there; say --pin-dir for another place.',
    );
  }
  return { pinRoot, removedDirectories: unpinRoot(pinRoot) };
}

function formatUnpinned({ pinRoot, removedDirectories: count }: Unpinned): string {
  return count === 0
    ? `Nothing is pinned in ${escapeText(pinRoot)}.\n`
    : `Removed ${count} ${count === 1 ? 'directory' : 'directories'} of pinned hooks and maps from ${escapeText(pinRoot)}.\n`;
}
