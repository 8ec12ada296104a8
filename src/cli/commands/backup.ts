/** `nsaudit backup`: a copy of the log that verifies. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { backupLog } from '../../store/backup-log.ts';
import type { CommandContext } from '../command-context.ts';
import { escapeText } from '../escape-text.ts';
import { EXIT_STATUS } from '../exit-status.ts';
import { findRecordedStateDirectory } from '../find-state-directory.ts';
import { formatPairs, toJsonLine } from '../format-rows.ts';
import { readFormat } from '../read-options.ts';
import { showProgress } from '../show-progress.ts';

export async function run(context: CommandContext): Promise<number> {
  const { operands, options, output, currentDirectory } = context;
  const format = readFormat(options, ['table', 'json']);
  const file = resolve(currentDirectory, operands[0] ?? '');
  const { verdict, events } = await showProgress(context, 'verify', (onProgress) =>
    backupLog(findRecordedStateDirectory(context), file, onProgress),
  );
  const sizeBytes = statSync(file).size;
  output.write(
    format === 'json'
      ? toJsonLine({ file, sizeBytes, verdict, events })
      : formatPairs([
          ['file', escapeText(file)],
          ['bytes', String(sizeBytes)],
          ['events', String(events)],
          ['verdict', verdict],
        ]),
  );
  return EXIT_STATUS.ok;
}
