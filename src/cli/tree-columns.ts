/** The columns of a tree of namespaces: the drawing, and what the rows of `state` have. */
import { plainColumn, type Column, type ColumnTable } from './columns.ts';
import { stateColumns } from './lifespan-columns.ts';
import type { TreeLine } from './namespace-tree.ts';

/** Facts that do not depend on the instant. */
const LASTING = new Set([
  'lifespan',
  'host',
  'boot',
  'type',
  'inum',
  'kernelNamespaceId',
  'owner',
  'parent',
  'ownerUid',
  'initial',
  'creator',
]);

const DEFAULTS = ['lifespan', 'state', 'holders', 'ownerUid', 'born', 'creator', 'names'];

/** The drawing, then the fields of `state` that were asked for or the usual ones. */
export function toTreeColumns(fields: string | undefined): ColumnTable<TreeLine> {
  const drawing: Column<TreeLine> = {
    ...plainColumn<TreeLine>('namespace', 'the namespace, below what it belongs to'),
    isDrawing: true,
    toText: (line) => line.drawing,
  };
  const columns = stateColumns.columns.map(toTreeColumn);
  const names = fields === undefined ? DEFAULTS : fields.split(',').map((name) => name.trim());
  return { columns: [drawing, ...columns], defaults: [drawing.field, ...names] };
}

function toTreeColumn(column: (typeof stateColumns.columns)[number]): Column<TreeLine> {
  const isLasting = LASTING.has(column.field.split('.')[0] ?? '');
  return {
    ...column,
    toText: ({ row, isOutside }) =>
      row === null || (isOutside && !isLasting) ? null : column.toText(row),
  };
}
