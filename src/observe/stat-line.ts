/** Parses /proc/PID/stat and /proc/PID/task/TID/stat, as bytes: comm is whatever the process called itself. */

/** The fields of proc_pid_stat(5) that a scan needs. */
export interface StatLine {
  /** Up to 15 bytes for a process (64 for a kernel worker), any of them; what is not UTF-8 becomes U+FFFD. */
  readonly comm: string;
  /** One letter; `Z` is a zombie, `X` is dead. */
  readonly state: string;
  readonly ppid: number;
  /** Threads of the process, a zombie leader among them. */
  readonly threadCount: number;
  readonly startTimeTicks: number;
}

const SPACE = 0x20;
const OPENING = 0x28;
const CLOSING = 0x29;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

// Numbers of the fields in proc_pid_stat(5); state is field 3, right after comm.
const FIELD_STATE = 3;
const FIELD_PPID = 4;
const FIELD_THREAD_COUNT = 20;
const FIELD_START_TIME = 22;

/**
 * Undefined when the bytes are no stat line.
 *
 * comm may hold `)`, spaces and newlines, so fields are counted from the last `)`: all that follow are numbers.
 */
export function parseStatLine(line: Buffer): StatLine | undefined {
  const opening = line.indexOf(OPENING);
  const closing = line.lastIndexOf(CLOSING);
  if (opening < 0 || closing < opening) {
    return undefined;
  }
  let at = closing + 2;
  const state = String.fromCharCode(line[at] ?? SPACE);
  at = skipFields(line, at, FIELD_PPID - FIELD_STATE);
  const ppid = readNumber(line, at);
  at = skipFields(line, at, FIELD_THREAD_COUNT - FIELD_PPID);
  const threadCount = readNumber(line, at);
  at = skipFields(line, at, FIELD_START_TIME - FIELD_THREAD_COUNT);
  const startTimeTicks = readNumber(line, at);
  if (
    state === ' ' ||
    ppid === undefined ||
    threadCount === undefined ||
    startTimeTicks === undefined
  ) {
    return undefined;
  }
  return {
    comm: line.toString('utf8', opening + 1, closing),
    state,
    ppid,
    threadCount,
    startTimeTicks,
  };
}

function skipFields(line: Buffer, from: number, count: number): number {
  let at = from;
  for (let skipped = 0; skipped < count && at < line.length; at += 1) {
    if (line[at] === SPACE) {
      skipped += 1;
    }
  }
  return at;
}

function readNumber(line: Buffer, from: number): number | undefined {
  let value = 0;
  let at = from;
  for (
    let byte = line[at];
    byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
    byte = line[at]
  ) {
    value = value * 10 + (byte - DIGIT_0);
    at += 1;
  }
  return at === from ? undefined : value;
}
