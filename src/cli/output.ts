/**
 * The only file that writes to stdout and stderr.
 *
 * Holds:     the two streams as an interface, so that a test can take their place.
 * Promises:  answers go to stdout, remarks and errors to stderr, one line each, prefixed `nsaudit: `.
 *            A reader that went away (`| head`) ends the program quietly; a full disk does not.
 * Does not:  decide what is written. Only the status line depends on whether there is a terminal.
 * Proved by: test/cli/main.test.ts, test/cli/run-cli.test.ts
 */
import { NsauditError } from '../domain/errors.ts';
import { escapeText } from './escape-text.ts';

export interface Output {
  /** Part of the answer, as it is. */
  write(text: string): void;
  /** A remark on stderr, one line, as it is. Never part of the answer. */
  say(line: string): void;
  /**
   * Shows a line on stderr in place of the one before, or takes it away (null). Never wider than the terminal.
   * Null when stderr is no terminal.
   */
  readonly statusLine: ((line: string | null) => void) | null;
  /** Aborts once the reader of the answer has gone away. */
  readonly closed: AbortSignal;
  /**
   * Waits until everything is written.
   * Errors: NsauditError `io` when stdout could not be written, for a reason other than a closed pipe.
   */
  finish(): Promise<void>;
}

/** `nsaudit: ` and the sentence, made safe to show: it may quote what a process chose to be called. */
export function toErrorLine(sentence: string): string {
  return `nsaudit: ${escapeText(sentence)}`;
}

/** Back to the first column, and what stands there erased: ECMA-48, CR and EL. */
const ERASE_LINE = '\r\u001b[K';

/** A line that reaches the last column would begin another one. Terminals that do not know their width say 0. */
function toStatusLine(line: string | null, columns: number): string {
  return `${ERASE_LINE}${(line ?? '').slice(0, columns > 1 ? columns - 1 : undefined)}`;
}

/** The streams of this process. */
export function createProcessOutput(): Output {
  const { stdout, stderr } = process;
  const controller = new AbortController();
  let failure: Error | undefined;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= error.code === 'EPIPE' ? undefined : error;
    controller.abort();
  });
  // Nobody is left to tell.
  stderr.on('error', () => controller.abort());
  return {
    write(text) {
      if (!controller.signal.aborted && text !== '') {
        stdout.write(text);
      }
    },
    say(line) {
      stderr.write(`${line}\n`);
    },
    statusLine: stderr.isTTY ? (line) => stderr.write(toStatusLine(line, stderr.columns)) : null,
    closed: controller.signal,
    async finish() {
      await new Promise<void>((resolve) => {
        if (controller.signal.aborted) {
          resolve();
        } else {
          stdout.write('', () => resolve());
        }
      });
      if (failure) {
        throw new NsauditError('io', 'cannot write the answer to stdout.', { cause: failure });
      }
    },
  };
}
