/** A container as it is printed, beside the processes in it. */
import { z } from 'zod';
import { CONTAINER_ENGINES, findContainer, type Container } from './container.ts';

const text = z.string().nullable();

export const containerJsonSchema = z
  .object({
    engine: z.enum(CONTAINER_ENGINES).nullable(),
    id: z.string(),
    name: text,
    /** Kubernetes: the uid of the pod. */
    podUid: text,
  })
  .meta({ id: 'Container' });

export type ContainerJson = z.infer<typeof containerJsonSchema>;

/** What is known of the container that a control group belongs to. */
export type ContainerOf = (cgroup: string | null) => ContainerJson | null;

/** As far as the path alone tells. */
export const containerByPath: ContainerOf = (cgroup) => {
  const container = cgroup === null ? null : findContainer(cgroup);
  return container && toContainerJson(container);
};

function toContainerJson({ engine, containerId, name, podUid }: Container): ContainerJson {
  return { engine, id: containerId, name, podUid };
}
