/**
 * The only file that writes to stdout and stderr.
 *
 * Holds:     the two streams as an interface, so that a test can take their place.
 * Promises:  answers go to stdout, remarks and errors to stderr, one line each, prefixed `nsaudit: `.
 *            A reader that went away (`| head`) ends the program quietly; a full disk does not.
 * Does not:  decide what is written, or look at whether it writes to a terminal.
 * Proved by: test/cli/main.test.ts, test/cli/run-cli.test.ts
 */
import { NsauditError } from '../domain/errors.ts';
import { escapeText } from './escape-text.ts';

export interface Output {
  /** Part of the answer, as it is. */
  write(text: string): void;
  /** A remark on stderr, one line, as it is. Never part of the answer. */
  say(line: string): void;
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
