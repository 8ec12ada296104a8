/** Containers in cells of tables. */
import type { ContainerJson } from '../domain/container-json.ts';
import { plainColumn, type Column } from './columns.ts';

/** As many digits of an id as engines show. */
const SHORT_ID_DIGITS = 12;
const LONG_ID = /^[0-9a-f]{64}$/;

/** `podman web 0123456789ab`: engine, name and id as far as they are known. */
export function toContainerText(container: ContainerJson | null): string | null {
  if (container === null) {
    return null;
  }
  const { engine, id, name } = container;
  const shortId = LONG_ID.test(id) ? id.slice(0, SHORT_ID_DIGITS) : id;
  return [engine, name, shortId === name ? null : shortId]
    .filter((part) => part !== null)
    .join(' ');
}

/** The compound column of a container and the plain ones of its parts. */
export function containerColumns<Row>(
  field: string,
  read: (row: Row) => ContainerJson | null,
): readonly Column<Row>[] {
  const fields = [
    [`${field}.engine`, 'engine of its container, where the path or its files tell'],
    [`${field}.id`, 'id of its container; the name, where the engine has no other'],
    [`${field}.name`, 'name of its container, where known'],
    [`${field}.podUid`, 'Kubernetes: uid of its pod'],
  ] as const;
  return [
    {
      ...plainColumn<Row>(field, 'the container it was in: engine, name, id'),
      parts: fields.map(([name]) => name),
      toText: (row) => toContainerText(read(row)),
    },
    ...fields.map(([name, help]) => plainColumn<Row>(name, help)),
  ];
}
