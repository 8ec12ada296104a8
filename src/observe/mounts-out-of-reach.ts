/** Where mount namespaces are seen that perhaps no task is in: by descriptors and bind mounts of them. */
import type { ObservedDescriptor, ObservedMountNamespace, ObservedThread } from '../domain/scan.ts';
import type { ProcessDraft } from './process-draft.ts';

export interface MountNamespaceSight {
  readonly inum: number;
  /** Leads to the namespace, to be opened; null where only a mount that no process sees does. */
  readonly path: string | null;
  /** What is named where it cannot be read. */
  readonly example: string;
}

/** By descriptors of processes and of threads with a descriptor table of their own. */
export function listDescribed(drafts: readonly ProcessDraft[]): MountNamespaceSight[] {
  const sights: MountNamespaceSight[] = [];
  const add = (descriptors: readonly ObservedDescriptor[], directory: string): void => {
    for (const { fd, type, inum } of descriptors) {
      if (type === 'mnt') {
        const path = `${directory}/fd/${fd}`;
        sights.push({ inum, path, example: path });
      }
    }
  };
  for (const { directory, observed } of drafts) {
    add(observed.descriptors, directory);
    observed.threads.forEach(({ tid, descriptors }: ObservedThread) =>
      add(descriptors, `${directory}/task/${tid}`),
    );
  }
  return sights;
}

/** By bind mounts. `directory`: of a task in that mount namespace and in no chroot, where there is one. */
export function listMounted(
  mounts: ObservedMountNamespace | undefined,
  directory: string | null,
): MountNamespaceSight[] {
  return (mounts?.bindMounts ?? []).flatMap(({ type, inum, path }) =>
    type === 'mnt'
      ? [{ inum, path: directory === null ? null : `${directory}/root${path}`, example: path }]
      : [],
  );
}
