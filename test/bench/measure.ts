/** Measuring on a noisy machine: pairs of runs in turn, medians, and the ratio pair by pair. */

/** One line of the benchmark table. */
export interface BenchRow {
  readonly what: string;
  readonly reference: string;
  /** Medians, in the unit named. */
  readonly ours: number;
  readonly theirs: number;
  readonly unit: string;
  /** Median over the pairs of the figure the budget is about. */
  readonly ratio: number;
  readonly budget: { readonly bound: 'at-least' | 'at-most'; readonly ratio: number } | null;
  /** The most that ours may be, in the unit named. */
  readonly limit?: number;
  /** Why it could not be measured on this host; then the figures mean nothing. */
  readonly notRun?: string;
}

export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Runs both in turn, `pairs` times after one warm-up each; each returns its own figure. */
export async function measurePairs(
  pairs: number,
  ours: () => number | Promise<number>,
  theirs: () => number | Promise<number>,
): Promise<Pair[]> {
  await theirs();
  await ours();
  const measured: Pair[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const reference = await theirs();
    measured.push({ theirs: reference, ours: await ours() });
  }
  return measured;
}

/** True when the row meets its budget, or has none, or could not be measured. */
export function isMet({ ours, ratio, budget, limit, notRun }: BenchRow): boolean {
  if (notRun === undefined && limit !== undefined && ours > limit) {
    return false;
  }
  if (budget === null || notRun !== undefined) {
    return true;
  }
  return budget.bound === 'at-least' ? ratio >= budget.ratio : ratio <= budget.ratio;
}

export function formatRow(row: BenchRow): string {
  if (row.notRun !== undefined) {
    return `${row.what.padEnd(44)} NOT RUN: ${row.notRun}  (${row.reference})`;
  }
  const sign = row.budget?.bound === 'at-least' ? '≥' : '≤';
  const bounds = [
    ...(row.budget === null ? [] : [`${sign} ${row.budget.ratio}`]),
    ...(row.limit === undefined ? [] : [`≤ ${row.limit} ${row.unit}`]),
  ];
  const verdict = isMet(row) ? 'met' : 'MISSED';
  const budget = bounds.length === 0 ? '' : `must be ${bounds.join(', ')}: ${verdict}`;
  const figures = `${format(row.ours)} against ${format(row.theirs)} ${row.unit}`;
  return `${row.what.padEnd(44)} ${figures.padEnd(36)} ratio ${row.ratio.toFixed(2).padStart(6)}  ${budget}  (${row.reference})`;
}

function format(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
