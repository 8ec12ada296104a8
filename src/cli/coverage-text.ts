/** How well the time of an answer was watched, in sentences: an answer without this is half an answer. */
import type { CoverageJson } from '../domain/json.ts';
import { formatDistance, formatSpan } from './bounds-text.ts';

/** Gaps and unreadable places that are named; the rest are counted. */
const NAMED_MAX = 3;

/** One sentence for the whole, then one for the gaps and one for what could not be read. */
export function describeCoverage(coverage: CoverageJson): readonly string[] {
  const gaps = describeGaps(coverage);
  const pruned = describePruned(coverage);
  const unreadable = describeUnreadable(coverage);
  return [
    describeState(coverage),
    ...(gaps === null ? [] : [`not watched in between: ${gaps}.`]),
    ...(pruned === null ? [] : [`pruned from the log: ${pruned}.`]),
    ...(unreadable === null ? [] : [`could not be read: ${unreadable}.`]),
  ];
}

/** How well, in one sentence. */
export function describeState({ state, lastScan, minimumLifetimeUs }: CoverageJson): string {
  if (state === 'not-watched') {
    return 'not watched: nothing is known about this time, so what is missing here may still have existed.';
  }
  const lifetime = describeLifetime(minimumLifetimeUs);
  const scan = lastScan === null ? '' : `; last scan ${lastScan}`;
  return state === 'watched'
    ? `watched: ${lifetime}${scan}.`
    : `partly watched: while watched, ${lifetime}${scan}.`;
}

/** Zero is what kernel events have: they tell of every birth, however short the life. */
function describeLifetime(minimumLifetimeUs: number | null): string {
  if (minimumLifetimeUs === null) {
    return 'one scan only';
  }
  return minimumLifetimeUs === 0
    ? 'the kernel told of every birth'
    : `what lived longer than ${formatSpan(minimumLifetimeUs)} cannot have been missed`;
}

/** Each gap, the first few by name, without what was pruned; null when there is none. */
export function describeGaps(coverage: CoverageJson): string | null {
  const gaps = coverage.gaps.filter(({ reason }) => reason !== 'pruned');
  const named = gaps
    .slice(0, NAMED_MAX)
    .map(({ from, to, reason }) => `${from} to ${to} (${formatDistance(from, to)}, ${reason})`);
  return gaps.length === 0 ? null : listed(named, gaps.length);
}

/** What of the time was watched or not, and is not in the log any more; null when all of it is. */
export function describePruned({ gaps }: CoverageJson): string | null {
  const gap = gaps.find(({ reason }) => reason === 'pruned');
  return gap ? `${gap.from} to ${gap.to}; what ended then is not known any more` : null;
}

/** What could not be read, by example; null when everything could. */
export function describeUnreadable({ unreadable }: CoverageJson): string | null {
  const parts = [
    nameExamples(
      unreadable.filter(({ source }) => source !== 'relations'),
      'what only they hold is missing here',
    ),
    nameExamples(
      unreadable.filter(({ source }) => source === 'relations'),
      'whose these namespaces are is not wholly known',
    ),
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join('; ');
}

function nameExamples(unreadable: CoverageJson['unreadable'], meaning: string): string | null {
  const named = unreadable.slice(0, NAMED_MAX).map(({ reason, count, example }) => {
    const more = count > 1 ? ` and ${count - 1} more` : '';
    return `${example}${more} (${reason})`;
  });
  return unreadable.length === 0 ? null : `${listed(named, unreadable.length)}: ${meaning}`;
}

function listed(named: readonly string[], count: number): string {
  const more = count - named.length;
  return `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** Whether `--strict` has something to say: any moment asked about was not watched. */
export function hasUnwatchedTime({ state, gaps }: CoverageJson): boolean {
  return state !== 'watched' || gaps.length > 0;
}
