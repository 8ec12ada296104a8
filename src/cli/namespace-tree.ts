/**
 * Namespaces as a tree. Pure: rows in, lines out.
 *
 * User and pid namespaces stand below their parent, as in `lsns --tree=parent`, all others below the user
 * namespace that owns them, as in `lsns --tree=owner`; the initial pid namespace, which has no parent,
 * below its owner. What stands above a namespace is what was recorded or "unknown", never a guess.
 */
import type { LifespanJson } from '../domain/json.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';

export interface TreeLine {
  /** What leads to the namespace from the left, and how it is called. */
  readonly drawing: string;
  /** Null for the node under which those stand of which nobody knows where they belong. */
  readonly row: LifespanJson | null;
  /** It is shown for what is below it, and was not there then as far as is recorded. */
  readonly isOutside: boolean;
}

export interface Strokes {
  readonly branch: string;
  readonly last: string;
  readonly line: string;
  readonly space: string;
}

/** As util-linux draws. */
export const UTF8_STROKES: Strokes = { branch: '├─', last: '└─', line: '│ ', space: '  ' };
export const ASCII_STROKES: Strokes = { branch: '|-', last: '`-', line: '| ', space: '  ' };

const TOP = 'top';
const UNKNOWN = 'unknown';

/** The lifespan that a namespace stands below, or where it stands when there is none. */
function findAbove({ type, owner, parent, initial }: LifespanJson): string {
  const above = type === 'user' || type === 'pid' ? parent : owner;
  if (above !== null || !initial) {
    return above ?? UNKNOWN;
  }
  return type === 'user' ? TOP : (owner ?? UNKNOWN);
}

/** Lifespans that stand above others of these rows and are not among them. */
export function listMissing(rows: readonly LifespanJson[]): string[] {
  const known = new Set([TOP, UNKNOWN, ...rows.map(({ lifespan }) => lifespan)]);
  return [...new Set(rows.map(findAbove))].filter((above) => !known.has(above));
}

export interface Forest {
  readonly rows: readonly LifespanJson[];
  /** Rows that are only there because others stand below them. */
  readonly outside: readonly LifespanJson[];
  /** Rows to draw; what is above them is drawn too. */
  readonly isWanted: (row: LifespanJson) => boolean;
}

/** Every wanted row once, below what it belongs to. What is unknown comes last. */
export function drawTree({ rows, outside, isWanted }: Forest, strokes: Strokes): TreeLine[] {
  const all = new Map([...outside, ...rows].map((row) => [row.lifespan, row]));
  const isOutside = new Set(outside.map(({ lifespan }) => lifespan));
  const below = new Map<string, LifespanJson[]>();
  for (const row of keepWanted(all, isWanted)) {
    const above = hasTop(all, row) ? placeOf(all, row) : UNKNOWN;
    below.set(above, [...(below.get(above) ?? []), row]);
  }
  const lines: TreeLine[] = [];
  const draw = (row: LifespanJson, lead: string, next: string): void => {
    const { lifespan } = row;
    const name = describe(row, isOutside.has(lifespan));
    lines.push({ drawing: lead + name, row, isOutside: isOutside.has(lifespan) });
    drawBelow(lifespan, next);
  };
  const drawBelow = (above: string, lead: string): void => {
    const children = (below.get(above) ?? []).toSorted(compare);
    for (const [index, child] of children.entries()) {
      const isLast = index === children.length - 1;
      draw(
        child,
        lead + (isLast ? strokes.last : strokes.branch),
        lead + (isLast ? strokes.space : strokes.line),
      );
    }
  };
  for (const row of (below.get(TOP) ?? []).toSorted(compare)) {
    draw(row, '', '');
  }
  if (below.has(UNKNOWN)) {
    lines.push({ drawing: UNKNOWN, row: null, isOutside: false });
    drawBelow(UNKNOWN, '');
  }
  return lines;
}

function placeOf(all: ReadonlyMap<string, LifespanJson>, row: LifespanJson): string {
  const above = findAbove(row);
  return above === TOP || all.has(above) ? above : UNKNOWN;
}

/** False for rows that stand in a circle, which no namespace does: what was recorded of them is wrong. */
function hasTop(all: ReadonlyMap<string, LifespanJson>, row: LifespanJson): boolean {
  const seen = new Set<string>();
  let at: LifespanJson | undefined = row;
  while (at !== undefined && !seen.has(at.lifespan)) {
    seen.add(at.lifespan);
    at = all.get(placeOf(all, at));
  }
  return at === undefined;
}

function keepWanted(
  all: ReadonlyMap<string, LifespanJson>,
  isWanted: Forest['isWanted'],
): LifespanJson[] {
  const kept = new Set<LifespanJson>();
  for (const row of all.values()) {
    let at = isWanted(row) ? row : undefined;
    while (at !== undefined && !kept.has(at)) {
      kept.add(at);
      at = all.get(placeOf(all, at));
    }
  }
  return [...kept];
}

function describe({ type, inum, initial }: LifespanJson, isOutside: boolean): string {
  const remark = isOutside ? ' (not recorded then)' : initial ? ' (initial)' : '';
  return `${type}:[${inum}]${remark}`;
}

/** User namespaces last, because most is below them; else by type, and the older life first. */
function compare(left: LifespanJson, right: LifespanJson): number {
  return rank(left) - rank(right) || Number(left.lifespan) - Number(right.lifespan);
}

function rank({ type }: LifespanJson): number {
  return type === 'user' ? NAMESPACE_TYPES.length : NAMESPACE_TYPES.indexOf(type);
}
