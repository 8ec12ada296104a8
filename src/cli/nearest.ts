/** Finds what somebody who mistyped a word probably meant. */

/** More edits than this, or than a third of the word, is another word. */
const EDITS_MAX = 2;

/** The only candidate that `text` is the beginning of, else the one with the fewest edits, if few enough. */
function findNearest(text: string, candidates: readonly string[]): string | undefined {
  const longer = candidates.filter((candidate) => candidate.startsWith(text));
  if (longer.length === 1) {
    return longer[0];
  }
  const allowed = Math.min(EDITS_MAX, Math.ceil(text.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: countEdits(text, candidate) }))
    .filter(({ edits }) => edits <= allowed)
    .toSorted((left, right) => left.edits - right.edits);
  return ranked[0]?.candidate;
}

/** `; did you mean x?` or nothing. */
export function suggest(text: string, candidates: readonly string[]): string {
  const nearest = findNearest(text, candidates);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

/** Edit distance where swapping two neighbours is one edit. */
function countEdits(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwap =
        row > 1 &&
        column > 1 &&
        left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
