/**
 * The command line: words in, answers on stdout, remarks on stderr, an exit status out.
 *
 * Holds:     the way from a command line to its command, and from an error to one line and a status.
 * Promises:  nothing is read from stdin; output is the same without a terminal; every failure is one
 *            line that says what, where and what to do; nothing is on stdout when the usage was wrong.
 * Does not:  end the process.
 * Proved by: test/cli/run-cli.test.ts, test/cli/bad-input.test.ts, test/cli/end-to-end.test.ts
 */
import type { CommandHandler, Surroundings } from './command-context.ts';
import type { CommandName } from './commands.ts';
import { EXIT_STATUS, toFailure } from './exit-status.ts';
import { toErrorLine } from './output.ts';
import { parseCommandLine, type CommandLine } from './parse-arguments.ts';
import { readVersion } from './version.ts';

/** Loaded when needed: a question need not load a web server, and the API must not load the collector. */
const HANDLERS: Readonly<Record<CommandName, () => Promise<{ run: CommandHandler }>>> = {
  collect: () => import('./commands/collect.ts'),
  serve: () => import('./commands/serve.ts'),
  start: () => import('./commands/start.ts'),
  state: () => import('./commands/state.ts'),
  history: () => import('./commands/history.ts'),
  holders: () => import('./commands/holders.ts'),
  process: () => import('./commands/process.ts'),
  events: () => import('./commands/events.ts'),
  timeline: () => import('./commands/timeline.ts'),
  coverage: () => import('./commands/coverage.ts'),
  query: () => import('./commands/query.ts'),
  report: () => import('./commands/report.ts'),
  rebuild: () => import('./commands/rebuild.ts'),
  verify: () => import('./commands/verify.ts'),
  checkpoint: () => import('./commands/checkpoint.ts'),
  backup: () => import('./commands/backup.ts'),
  prune: () => import('./commands/prune.ts'),
  doctor: () => import('./commands/doctor.ts'),
};

/** Runs one command line to its end; never throws. */
export async function runCli(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  let noMatchStatus: number = EXIT_STATUS.ok;
  try {
    const line = parseCommandLine(words);
    if (line.kind === 'command' && line.options.has('exit-status')) {
      noMatchStatus = EXIT_STATUS.noMatch;
    }
    const status = await runLine(line, surroundings);
    await surroundings.output.finish();
    return status;
  } catch (error) {
    const { status, message } = toFailure(error, noMatchStatus);
    surroundings.output.say(toErrorLine(message));
    if (surroundings.environment['NSAUDIT_DEBUG'] === '1' && error instanceof Error) {
      surroundings.output.say(error.stack ?? '');
    }
    return status;
  }
}

async function runLine(line: CommandLine, surroundings: Surroundings): Promise<number> {
  const { output } = surroundings;
  if (line.kind === 'version') {
    output.write(`nsaudit ${readVersion()}\n`);
    return EXIT_STATUS.ok;
  }
  if (line.kind === 'help') {
    const { formatCommandHelp, formatProgramHelp } = await import('./help.ts');
    output.write(line.command === null ? formatProgramHelp() : formatCommandHelp(line.command));
    return EXIT_STATUS.ok;
  }
  const { command, operands, options } = line;
  const { run } = await HANDLERS[command]();
  return await run({ ...surroundings, command, operands, options });
}
