/** What is known of containers, for the control groups that an answer names. */
import { containerByPath, type ContainerJson, type ContainerOf } from '../domain/container-json.ts';
import { listGroupsAbove } from '../domain/container.ts';
import type { ContainerRow } from '../store/database-schema.ts';
import type { Question } from './question.ts';

/**
 * Looks up these control groups at once. What an engine's files told outweighs what the path tells; of
 * several tellings the last one counts, because a container can be renamed.
 *
 * Each path is judged once: the namespaces of an answer have the same few containers.
 */
export function loadContainers(
  { runner }: Pick<Question, 'runner'>,
  cgroups: readonly (string | null)[],
): ContainerOf {
  const paths = [...new Set(cgroups)].filter((path) => path !== null);
  const wanted = new Set(paths.flatMap(listGroupsAbove));
  const told = new Map<string, ContainerJson>();
  if (wanted.size > 0) {
    const cgroup = JSON.stringify([...wanted]);
    for (const row of runner.all<ContainerRow>('containers', { cgroup })) {
      told.set(row.cgroup, toJson(row));
    }
  }
  const judged = new Map<string | null, ContainerJson | null>([[null, null]]);
  return (cgroup) => {
    let container = judged.get(cgroup);
    if (container === undefined) {
      container = judge(cgroup, told);
      judged.set(cgroup, container);
    }
    return container;
  };
}

function judge(
  cgroup: string | null,
  told: ReadonlyMap<string, ContainerJson>,
): ContainerJson | null {
  const byPath = containerByPath(cgroup);
  const group = listGroupsAbove(cgroup ?? '').find((path) => told.has(path));
  const found = group === undefined ? undefined : told.get(group);
  // Inside a container that its engine told of, a path may name another one.
  return found && (byPath === null || byPath.id === found.id) ? found : byPath;
}

function toJson({ engine, container_id: id, name, pod_uid: podUid }: ContainerRow): ContainerJson {
  return { engine: engine as ContainerJson['engine'], id, name, podUid };
}
