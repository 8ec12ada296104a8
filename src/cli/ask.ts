/** Opens the history for one question, and closes it whatever happens. */
import type { History } from '../history/history.ts';
import type { CommandContext } from './command-context.ts';
import { findRecordedStateDirectory } from './find-state-directory.ts';

/** Errors: NsauditError `unavailable` when there is no state directory to ask, and those of the question. */
export async function askHistory<Answer>(
  context: CommandContext,
  question: (history: History) => Answer | Promise<Answer>,
): Promise<Answer> {
  const history = await context.openHistory(findRecordedStateDirectory(context));
  try {
    return await question(history);
  } finally {
    history.close();
  }
}
