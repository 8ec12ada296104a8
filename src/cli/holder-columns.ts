/** The columns of a holder, and of the namespaces of a process. */
import type { HolderJson } from '../domain/json.ts';
import type { ProcessJson } from '../history/history.ts';
import { formatBounds } from './bounds-text.ts';
import { plainColumn, type Column, type ColumnTable } from './columns.ts';
import { containerColumns } from './container-columns.ts';
import { boundsColumns } from './lifespan-columns.ts';

/** What it holds with, where it is more than a process or thread. */
function toMeansText(holder: HolderJson): string | null {
  switch (holder.kind) {
    case 'process':
      return holder.exe;
    case 'thread':
      return holder.tid === null ? null : `tid ${holder.tid}`;
    case 'for-children':
      return holder.tid === null ? 'for its children' : `for children of tid ${holder.tid}`;
    case 'fd':
      return holder.fd === null ? null : `fd ${holder.fd}`;
    case 'bind-mount':
      return holder.mountNamespace === null
        ? holder.path
        : `${holder.path ?? '?'} in mnt #${holder.mountNamespace}`;
    case 'socket':
      return holder.socketInode === null ? null : `socket ${holder.socketInode}`;
    case 'tun':
      return holder.interface;
    case 'child-namespace':
    case 'owned-namespace':
      return holder.namespace === null ? null : `#${holder.namespace}`;
    case 'unattributed':
      return 'nothing visible';
  }
}

function toProcessText({ comm, pid }: HolderJson): string | null {
  return pid === null ? null : `${comm ?? '?'}[${pid}]`;
}

const columns: readonly Column<HolderJson>[] = [
  plainColumn('holder', 'our id of this holder', { align: 'right' }),
  plainColumn('lifespan', 'the life it held', { align: 'right' }),
  plainColumn(
    'kind',
    'process, thread, for-children, fd, bind-mount, socket, tun, child-namespace, owned-namespace, unattributed',
  ),
  {
    ...plainColumn<HolderJson>('process', 'the process: name[pid]'),
    parts: ['comm', 'pid'],
    toText: toProcessText,
  },
  plainColumn('pid', 'process id', { align: 'right' }),
  plainColumn('tid', 'thread id', { align: 'right' }),
  plainColumn('startTimeTicks', 'start time in clock ticks since boot', { align: 'right' }),
  {
    ...plainColumn<HolderJson>('means', 'executable, descriptor, path or whatever it holds with'),
    parts: ['exe', 'tid', 'fd', 'path', 'mountNamespace', 'socketInode', 'interface', 'namespace'],
    toText: toMeansText,
  },
  plainColumn('fd', 'descriptor number', { align: 'right' }),
  plainColumn('path', 'mount point'),
  plainColumn('mountNamespace', 'lifespan of the mount namespace it is mounted in', {
    align: 'right',
  }),
  plainColumn('socketInode', 'inode number of the socket', { align: 'right' }),
  plainColumn('interface', 'tun or tap interface'),
  plainColumn('namespace', 'lifespan of the child or owned namespace', { align: 'right' }),
  plainColumn('ppid', 'parent process', { align: 'right' }),
  plainColumn('comm', 'name of the process'),
  plainColumn('exe', 'its executable'),
  plainColumn('uid', 'its real user id', { align: 'right' }),
  plainColumn('gid', 'its real group id', { align: 'right' }),
  plainColumn('loginuid', 'the user id of the login it descends from', { align: 'right' }),
  plainColumn('session', 'the audit session it belongs to', { align: 'right' }),
  plainColumn('cgroup', 'its control group'),
  plainColumn('containerId', 'the container its control group names'),
  ...containerColumns<HolderJson>('container', ({ container }) => container),
  plainColumn(
    'how',
    'fork, clone or clone3: born into it; unshare, setns, exec or (seen by scans) moved: entered it',
  ),
  plainColumn(
    'ancestors',
    'of what entered: its parent and who is above, each as pid:startTimeTicks',
  ),
  plainColumn('observer', 'whether it is the collector itself, or a child of it'),
  plainColumn('set', 'the set of namespaces it was in', { align: 'right' }),
  ...boundsColumns<HolderJson>('from', 'began to hold', ({ from }) => from),
  ...boundsColumns<HolderJson>('to', 'ceased to hold', ({ to }) => to),
];

export const holderColumns: ColumnTable<HolderJson> = {
  columns,
  defaults: ['lifespan', 'kind', 'process', 'uid', 'from', 'to', 'means'],
};

/** For the holders of one life, which then need not stand in every line. */
export const lifeHolderColumns: ColumnTable<HolderJson> = {
  columns,
  defaults: holderColumns.defaults.filter((field) => field !== 'lifespan'),
};

/** One namespace of one membership: a row of `process` in everything but JSON. */
export type ProcessNamespace = Omit<ProcessJson, 'namespaces'> & {
  readonly namespaces: ProcessJson['namespaces'][number] | null;
};

/** A line for each namespace; a membership of none keeps one line. */
export function splitProcess(process: ProcessJson): readonly ProcessNamespace[] {
  return process.namespaces.length === 0
    ? [{ ...process, namespaces: null }]
    : process.namespaces.map((namespaces) => ({ ...process, namespaces }));
}

const processFields: readonly Column<ProcessNamespace>[] = [
  {
    ...plainColumn<ProcessNamespace>('process', 'the process, or thread of it: name[pid]'),
    parts: ['comm', 'pid', 'tid'],
    toText: ({ comm, pid, tid }) => `${comm ?? '?'}[${pid}]${tid === null ? '' : ` tid ${tid}`}`,
  },
  plainColumn('pid', 'process id', { align: 'right' }),
  plainColumn('tid', 'thread id, of a thread in other namespaces than its process', {
    align: 'right',
  }),
  plainColumn('startTimeTicks', 'start time in clock ticks since boot', {
    header: 'START TICKS',
    align: 'right',
  }),
  plainColumn('comm', 'name of the process'),
  ...boundsColumns<ProcessNamespace>('from', 'became a member', ({ from }) => from),
  ...boundsColumns<ProcessNamespace>('to', 'left', ({ to }) => to),
  plainColumn('namespaces.lifespan', 'lifespan of the namespace', {
    header: 'LIFESPAN',
    align: 'right',
  }),
  plainColumn('namespaces.type', 'its type', { header: 'TYPE' }),
  plainColumn('namespaces.inum', 'its inode number', { header: 'INUM', align: 'right' }),
  plainColumn('namespaces.state', 'its state then', { header: 'STATE' }),
  plainColumn('namespaces.initial', 'whether it is an initial namespace', { header: 'INITIAL' }),
  {
    ...plainColumn<ProcessNamespace>('namespaces.born', 'its birth', { header: 'BORN' }),
    parts: ['namespaces.born.after', 'namespaces.born.by', 'namespaces.born.evidence'],
    toText: ({ namespaces }) => formatBounds(namespaces?.born ?? null),
  },
  plainColumn('namespaces.born.after', 'its birth: not before'),
  plainColumn('namespaces.born.by', 'its birth: not after'),
  plainColumn('namespaces.born.evidence', 'its birth: how it is known'),
  plainColumn('namespaces.names', 'every path it was ever mounted at', { header: 'NAMES' }),
];

export const processColumns: ColumnTable<ProcessNamespace> = {
  columns: processFields,
  defaults: [
    'process',
    'from',
    'to',
    'namespaces.lifespan',
    'namespaces.type',
    'namespaces.inum',
    'namespaces.initial',
  ],
};
