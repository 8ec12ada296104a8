/** Runs code with the rights of nobody in particular, so that a refusal is a real one. */
const NOBODY = 65_534;

export const isRoot = process.geteuid?.() === 0;

/**
 * Calls `work` as nobody when we are root, else as who we are: chmod keeps neither nobody nor us from a
 * file with no permissions less than any other user. Only for synchronous work.
 */
export function asUnprivileged<Result>(work: () => Result): Result {
  if (!isRoot) {
    return work();
  }
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
