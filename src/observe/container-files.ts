/**
 * What container engines have written down about their containers: names, and control groups whose path does
 * not say that they are a container's.
 *
 * Read-only, in the engines' default places, when a control group is first seen. A file is read up to 4 MiB.
 *
 * Source: containers/storage containers.go (containers.json), moby daemon/container (config.v2.json),
 * containerd core/runtime/v2 bundle (config.json, OCI runtime-spec annotations), runc libcontainer
 * factory_linux.go (state.json), crun libcrun/status.c (status).
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import {
  findContainer,
  listGroupsAbove,
  type Container,
  type ContainerEngine,
} from '../domain/container.ts';
import { errnoOf, isGone } from './proc-read.ts';

export interface ContainerFiles {
  /**
   * The container that a control group belongs to, by its path or by what its engine wrote; null when
   * neither says that it is one.
   */
  describe(cgroup: string): Container | null;
  /** What could not be read, by reason: how often, and the first path. Files that are not there do not count. */
  refusals(): ReadonlyMap<string, { readonly count: number; readonly example: string }>;
}

const FILE_BYTES_MAX = 4 * 1024 * 1024;
/** Containers of one engine that are looked through for a control group. */
const ENTRIES_MAX = 1_000;

const STORAGE = 'var/lib/containers/storage';
const STORAGE_LISTS = ['containers.json', 'volatile-containers.json'];
const DOCKER = 'var/lib/docker/containers';
const CONTAINERD = 'run/containerd/io.containerd.runtime.v2.task';

/** What the files are read with. */
interface Reader {
  /** Parsed JSON; null for what is not there, cannot be read or is no JSON. */
  json(path: string): unknown;
  /** Names in a directory, none when it is not there. */
  list(path: string): readonly string[];
}

/** `root` is where the host's file system is, `/` on a host. */
export function createContainerFiles(root: string): ContainerFiles {
  const refused = new Map<string, { count: number; example: string }>();
  const reader = createReader(root, refused);
  return {
    describe(cgroup) {
      const container = findContainer(cgroup);
      if (container === null) {
        return findByRuntime(reader, cgroup);
      }
      return container.name === null ? addName(reader, container) : container;
    },
    refusals: () => refused,
  };
}

function addName(reader: Reader, container: Container): Container {
  const { engine, containerId } = container;
  for (const [asked, read] of NAME_READERS) {
    if (engine === null || asked.includes(engine)) {
      const name = read(reader, containerId);
      if (name !== null) {
        return { ...container, engine: engine ?? asked[0] ?? null, name };
      }
    }
  }
  return container;
}

type NameReader = (reader: Reader, id: string) => string | null;

const NAME_READERS: readonly (readonly [readonly ContainerEngine[], NameReader])[] = [
  [['docker'], readDockerName],
  [['containerd'], readContainerdName],
  [['podman', 'cri-o'], readStorageName],
];

function readDockerName(reader: Reader, id: string): string | null {
  return (
    textAt(reader.json(join(DOCKER, id, 'config.v2.json')), 'Name')?.replace(/^\//, '') ?? null
  );
}

function readStorageName(reader: Reader, id: string): string | null {
  const folders = reader.list(STORAGE).filter((name) => name.endsWith('-containers'));
  for (const folder of folders) {
    for (const file of STORAGE_LISTS) {
      const list = reader.json(join(STORAGE, folder, file));
      const found: unknown = Array.isArray(list)
        ? list.find((entry: unknown) => textAt(entry, 'id') === id)
        : undefined;
      const names = valueAt(found, 'names');
      if (Array.isArray(names) && typeof names[0] === 'string') {
        return names[0];
      }
    }
  }
  return null;
}

/** A container of a pod by namespace, pod and container, as kubectl shows them; a sandbox by its pod. */
function readContainerdName(reader: Reader, id: string): string | null {
  for (const namespace of reader.list(CONTAINERD)) {
    const spec = reader.json(join(CONTAINERD, namespace, id, 'config.json'));
    const annotations = valueAt(spec, 'annotations');
    const pod = ['sandbox-namespace', 'sandbox-name', 'container-name'].flatMap(
      (key) => textAt(annotations, `io.kubernetes.cri.${key}`) ?? [],
    );
    const name = textAt(annotations, 'nerdctl/name') ?? (pod.join('/') || null);
    if (name !== null) {
      return name;
    }
  }
  return null;
}

/** runc and crun put a container where they are told to, so only their own state says which group is one. */
function findByRuntime(reader: Reader, cgroup: string): Container | null {
  const groups = listGroupsAbove(cgroup);
  if (groups.length === 0) {
    return null;
  }
  for (const { engine, folder, file, groupsOf } of RUNTIMES) {
    for (const id of reader.list(folder).slice(0, ENTRIES_MAX)) {
      const own = groupsOf(reader.json(join(folder, id, file)));
      const group = groups.find((each) => own.includes(each));
      if (group !== undefined) {
        return { engine, containerId: id, name: id, podUid: null, cgroup: group };
      }
    }
  }
  return null;
}

interface Runtime {
  readonly engine: ContainerEngine;
  readonly folder: string;
  readonly file: string;
  /** Control groups of a container, as /proc/PID/cgroup names them. */
  readonly groupsOf: (state: unknown) => readonly string[];
}

const RUNTIMES: readonly Runtime[] = [
  {
    engine: 'runc',
    folder: 'run/runc',
    file: 'state.json',
    groupsOf: (state) => toGroups(valueAt(state, 'cgroup_paths')),
  },
  {
    engine: 'crun',
    folder: 'run/crun',
    file: 'status',
    groupsOf: (status) => [textAt(status, 'cgroup-path') ?? []].flat(),
  },
];

/** Where the unified hierarchy is mounted, also beside those of version 1; and where one of those is. */
const UNIFIED_MOUNT = /^\/sys\/fs\/cgroup(?:\/unified(?=\/))?/;
const CONTROLLER_MOUNT = /^\/sys\/fs\/cgroup\/[^/]+/;

/** runc keeps paths of directories, by controller; by `""` in the unified hierarchy. */
function toGroups(paths: unknown): string[] {
  if (typeof paths !== 'object' || paths === null) {
    return [];
  }
  return Object.entries(paths).flatMap(([controller, path]) =>
    typeof path === 'string'
      ? path.replace(controller === '' ? UNIFIED_MOUNT : CONTROLLER_MOUNT, '')
      : [],
  );
}

function createReader(
  root: string,
  refused: Map<string, { count: number; example: string }>,
): Reader {
  const refuse = (reason: string, example: string): void => {
    const refusal = refused.get(reason);
    if (refusal) {
      refusal.count += 1;
    } else {
      refused.set(reason, { count: 1, example });
    }
  };
  const attempt = <Result>(path: string, nothing: Result, read: () => Result): Result => {
    try {
      return read();
    } catch (error) {
      const errno = error instanceof SyntaxError ? 'not JSON' : errnoOf(error);
      if (!isGone(errno) && errno !== 'ENOTDIR') {
        refuse(errno, path);
      }
      return nothing;
    }
  };
  return {
    json(relative) {
      const path = join(root, relative);
      return attempt<unknown>(path, null, () => {
        const text = readFile(path);
        if (text === null) {
          refuse('too large or no file', path);
        }
        return text === null ? null : JSON.parse(text);
      });
    },
    list(relative) {
      const path = join(root, relative);
      return attempt<readonly string[]>(path, [], () => readdirSync(path).toSorted());
    },
  };
}

/** Null for what is no plain file, or larger than is read. */
function readFile(path: string): string | null {
  // Never waits: somebody may have put a pipe there.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    if (!fstatSync(fd).isFile() || size > FILE_BYTES_MAX) {
      return null;
    }
    const buffer = Buffer.alloc(size);
    let length = 0;
    for (let count = -1; length < size && count !== 0; length += count) {
      count = readSync(fd, buffer, length, size - length, length);
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

function valueAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : null;
}

function textAt(value: unknown, key: string): string | null {
  const found = valueAt(value, key);
  return typeof found === 'string' && found !== '' ? found : null;
}
