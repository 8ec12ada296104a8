/** `nsaudit verify`: whether the log is complete and unchanged in itself. */
import { resolve } from 'node:path';
import { openLogFile, openLogReader } from '../../store/event-log-reader.ts';
import { verifyLog, type Verification } from '../../store/verify-log.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { findRecordedStateDirectory } from '../find-state-directory.ts';
import { formatPairs, toJsonLine } from '../format-rows.ts';
import { toErrorLine } from '../output.ts';
import { readFormat } from '../read-options.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output, currentDirectory } = context;
  const format = readFormat(options, ['table', 'json']);
  const [file] = operands;
  const reader =
    file === undefined
      ? openLogReader(findRecordedStateDirectory(context))
      : openLogFile(resolve(currentDirectory, file));
  let verification: Verification;
  try {
    verification = await verifyLog(reader);
  } finally {
    reader.close();
  }
  output.write(format === 'json' ? toJsonLine(verification) : formatVerification(verification));
  const { fault, verdict } = verification;
  if (fault) {
    output.say(toErrorLine(`the log does not verify: ${describeFault(fault)}`));
  } else if (!options.has('quiet') && format !== 'json') {
    output.say(
      'Whoever may write the log could rewrite all of it: note the head hash elsewhere, and compare.',
    );
  }
  return STATUS_BY_VERDICT[verdict];
}

const STATUS_BY_VERDICT: Readonly<Record<Verification['verdict'], number>> = {
  'self-consistent': EXIT_STATUS.ok,
  tampered: EXIT_STATUS.integrity,
  incomplete: EXIT_STATUS.incomplete,
};

function formatVerification({ verdict, events, batches, headHash }: Verification): string {
  return formatPairs([
    ['verdict', verdict],
    ['events', String(events)],
    ['batches', String(batches)],
    ['head hash', headHash],
  ]);
}

function describeFault({ what, batch, seq }: NonNullable<Verification['fault']>): string {
  const where = [
    ...(batch === null ? [] : [`batch ${batch}`]),
    ...(seq === null ? [] : [`event ${seq}`]),
  ];
  return `${what}${where.length === 0 ? '' : ` (${where.join(', ')})`}; what was recorded before that is intact.`;
}
