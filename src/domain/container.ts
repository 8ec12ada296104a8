/**
 * Which container a control group belongs to, judged from its path alone: engines name the group after it.
 *
 * A namespace is not a container: several containers share one, and a container has several. What is
 * recognised here is the process's place, never the namespace's.
 *
 * Source: the path conventions of runc libcontainer/cgroups, systemd.unit(5), systemd-nspawn(1), lxc(7) and
 * the Kubernetes kubelet (cgroupfs and systemd drivers).
 */
import { z } from 'zod';

export const CONTAINER_ENGINES = [
  'containerd',
  'cri-o',
  'crun',
  'docker',
  'libvirt-lxc',
  'lxc',
  'podman',
  'runc',
  'systemd-nspawn',
] as const;

export type ContainerEngine = (typeof CONTAINER_ENGINES)[number];

export const containerSchema = z.object({
  /** Null where several engines use the same path: Kubernetes with the cgroupfs driver names only the pod. */
  engine: z.enum(CONTAINER_ENGINES).nullable().default(null),
  containerId: z.string(),
  /** The name people know it by, from the engine's own files; null where the path is all that is known. */
  name: z.string().nullable().default(null),
  /** Kubernetes: the uid of the pod. */
  podUid: z.string().nullable().default(null),
  /** The control group whose members are in the container, those below it included. */
  cgroup: z.string(),
});

export type Container = z.infer<typeof containerSchema>;

interface Pattern {
  /** On one component of the path; the first group is the id. */
  readonly component: RegExp;
  /** On the component above it. */
  readonly parent?: RegExp;
  readonly engine: ContainerEngine | null;
  /** The id is the name. */
  readonly isNamed?: true;
}

const ID = '([0-9a-f]{64})';

/** Processes that watch over a container from outside: their group is named after it, too. */
const MONITOR = /(?:^|[:-])conmon-|^lxc\.monitor(?:\.|$)/;
/** The part of systemd-nspawn@.service that watches over the machine. */
const NSPAWN_MONITOR = /systemd-nspawn@[^/]*\.service\/supervisor(?:\/|$)/;

/** The first that fits a component counts. */
const PATTERNS: readonly Pattern[] = [
  { component: new RegExp(`^(?:.*[:-])?docker[:-]${ID}(?:\\.scope)?$`), engine: 'docker' },
  {
    component: new RegExp(`^(?:.*[:-])?libpod(?:-payload)?[:-]${ID}(?:\\.scope)?$`),
    engine: 'podman',
  },
  { component: new RegExp(`^(?:.*[:-])?crio[:-]${ID}(?:\\.scope)?$`), engine: 'cri-o' },
  {
    component: new RegExp(`^(?:.*[:-])?(?:cri-containerd|nerdctl)[:-]${ID}(?:\\.scope)?$`),
    engine: 'containerd',
  },
  { component: new RegExp(`^${ID}$`), parent: /^docker$/, engine: 'docker' },
  { component: new RegExp(`^(?:.*[:-])?${ID}(?:\\.scope)?$`), engine: null },
  { component: /^lxc\.payload\.(.+)$/, engine: 'lxc', isNamed: true },
  { component: /^(.+)$/, parent: /^lxc(?:\.payload)?$/, engine: 'lxc', isNamed: true },
  {
    component: /^machine-lxc\\x2d\d+\\x2d(.+)\.scope$/,
    engine: 'libvirt-lxc',
    isNamed: true,
  },
  { component: /^systemd-nspawn@(.+)\.service$/, engine: 'systemd-nspawn', isNamed: true },
  {
    // machined registers virtual machines the same way.
    component: /^machine-(?!qemu\\x2d)(.+)\.scope$/,
    engine: 'systemd-nspawn',
    isNamed: true,
  },
];

/** `pod` and the uid; the systemd driver writes `_` for `-`, and wraps it into a slice. */
const POD =
  /^(?:.*-)?pod([0-9a-f]{8}(?:[_-]?[0-9a-f]{4}){3}[_-]?[0-9a-f]{12})(?:\.slice)?(?::.*)?$/;

/**
 * The container that a control group belongs to, or null. The innermost one counts: one that was started
 * inside another runs below its path. A process that watches over a container is not in it.
 */
export function findContainer(cgroupPath: string): Container | null {
  const components = cgroupPath.replace(NSPAWN_MONITOR, '').split('/');
  for (let index = components.length - 1; index > 0; index -= 1) {
    const component = components[index] ?? '';
    const found = MONITOR.test(component)
      ? null
      : matchComponent(component, components[index - 1] ?? '');
    if (found) {
      const [engine, id, isNamed] = found;
      return {
        engine,
        containerId: id,
        name: isNamed ? id : null,
        podUid: findPodUid(components.slice(0, index + 1)),
        cgroup: components.slice(0, index + 1).join('/'),
      };
    }
  }
  return null;
}

/** Control groups remembered below, and at most how many: a host has fewer at a time. */
const groupByPath = new Map<string, string | null>();
const REMEMBERED_MAX = 4_096;

/**
 * The control group of that container, or null. Remembered, because a fold asks it for every process, and the same
 * paths come again and again.
 */
export function findContainerGroupByPath(cgroupPath: string): string | null {
  const remembered = groupByPath.get(cgroupPath);
  if (remembered !== undefined) {
    return remembered;
  }
  const found = findContainer(cgroupPath)?.cgroup ?? null;
  if (groupByPath.size >= REMEMBERED_MAX) {
    groupByPath.clear();
  }
  groupByPath.set(cgroupPath, found);
  return found;
}

/** The id of the container that a control group belongs to, or null. */
export function findContainerId(cgroupPath: string): string | null {
  return findContainer(cgroupPath)?.containerId ?? null;
}

/** A control group and every one above it, the innermost first, without the root. */
export function listGroupsAbove(cgroupPath: string): string[] {
  const paths: string[] = [];
  for (let path = cgroupPath; path.length > 1; path = path.slice(0, path.lastIndexOf('/'))) {
    paths.push(path);
  }
  return paths;
}

function matchComponent(
  component: string,
  parent: string,
): readonly [ContainerEngine | null, string, boolean] | null {
  for (const pattern of PATTERNS) {
    if (pattern.parent === undefined || pattern.parent.test(parent)) {
      const id = pattern.component.exec(component)?.[1];
      if (id !== undefined) {
        const isNamed = pattern.isNamed === true;
        return [pattern.engine, isNamed ? unescapeUnit(id) : id, isNamed];
      }
    }
  }
  return null;
}

/** Pods do not nest, so the innermost is the one. */
function findPodUid(components: readonly string[]): string | null {
  for (const component of components.toReversed()) {
    const uid = POD.exec(component)?.[1];
    if (uid !== undefined) {
      return uid.replaceAll('_', '-');
    }
  }
  return null;
}

/** systemd.unit(5), "String Escaping": `\x2d` stands for the character of that code. */
function unescapeUnit(text: string): string {
  return text.replaceAll(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
