/** Reads what a guest sends over its second serial port: the output of its command, then one line with the exit status. */

/** Starts with a record separator, which no output of a test starts a line with. See init.sh, which writes the line. */
const EXIT_MARK = '\u001Eexit ';

export interface GuestReport {
  /** Takes the next piece of what arrived, cut anywhere. */
  take(piece: string): void;
  /** Hands on what is left of an unfinished line. */
  end(): void;
  /** The exit status the guest sent; null when it never did, as after a panic. */
  exitCode(): number | null;
}

/** Hands every whole line of the command's output to `onLine`, in order, and keeps the exit line to itself. */
export function createGuestReport(onLine: (line: string) => void): GuestReport {
  let rest = '';
  let exitCode: number | null = null;
  const finish = (line: string): void => {
    if (line.startsWith(EXIT_MARK)) {
      exitCode = Number(line.slice(EXIT_MARK.length));
    } else {
      onLine(line);
    }
  };
  return {
    take(piece) {
      const lines = `${rest}${piece}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        finish(line);
      }
    },
    end() {
      if (rest !== '') {
        finish(rest);
      }
      rest = '';
    },
    exitCode: () => exitCode,
  };
}
