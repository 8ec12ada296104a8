/** The columns of a lifespan. */
import type { LifespanJson } from '../domain/json.ts';
import { formatBounds } from './bounds-text.ts';
import { plainColumn, type Column, type ColumnTable } from './columns.ts';
import { containerColumns, toContainerText } from './container-columns.ts';
import { formatReferences } from './references-text.ts';

const CREATOR_FIELDS: readonly (readonly [field: string, help: string])[] = [
  ['pid', 'process id of the creator'],
  ['startTimeTicks', 'its start time in clock ticks since boot: with the pid it names one process'],
  ['ppid', 'its parent'],
  ['comm', 'its name'],
  ['exe', 'its executable'],
  ['uid', 'its real user id'],
  ['gid', 'its real group id'],
  ['loginuid', 'the user id of the login it descends from'],
  ['session', 'the audit session it belongs to'],
  ['cgroup', 'its control group'],
  ['containerId', 'the container its control group names'],
  ['how', 'unshare, clone or clone3; empty when only a scan saw the result'],
  ['evidence', 'kernel-event, or scan: the oldest process seen holding it when it was first seen'],
];

const REFERENCE_FIELDS: readonly (readonly [field: string, help: string])[] = [
  ['total', 'references that the kernel counted'],
  ['processSets', 'of processes, one for all that share their namespaces'],
  ['nsfsInodes', 'of descriptors and bind mounts, one for all of them'],
  ['sockets', 'of sockets and tun descriptors'],
  ['unattributed', 'of nobody that can be seen'],
  ['at', 'when they were counted'],
];

/** The compound column of two bounds and the plain ones of its parts. */
export function boundsColumns<Row>(
  field: string,
  help: string,
  read: (row: Row) => LifespanJson['gone'],
): readonly Column<Row>[] {
  const parts = [`${field}.after`, `${field}.by`, `${field}.evidence`];
  return [
    { ...plainColumn<Row>(field, help), parts, toText: (row) => formatBounds(read(row)) },
    plainColumn(`${field}.after`, `${help}: not before`),
    plainColumn(`${field}.by`, `${help}: not after`),
    plainColumn(`${field}.evidence`, `${help}: how it is known`),
  ];
}

/** The state, with a question mark where the instant lies within the bounds of birth or end. */
function toStateText({ state, certainty }: LifespanJson): string {
  return certainty === 'possible' ? `${state}?` : state;
}

function toCreatorText({ creator, initial }: LifespanJson): string | null {
  if (creator === null) {
    return initial ? 'initial namespace' : null;
  }
  const { uid } = creator;
  return `${creator.comm ?? '?'}[${creator.pid}]${uid === null ? '' : ` uid ${uid}`}`;
}

function toSpanText({ from, to }: LifespanJson['nsids'][number] | NameJson): string {
  const until = to === null ? '' : ` until ${formatBounds(to) ?? '?'}`;
  return `from ${formatBounds(from) ?? '?'}${until}`;
}

type NameJson = LifespanJson['nameIntervals'][number];

function toNamesText({ nameIntervals }: LifespanJson): string | null {
  return nameIntervals.map((each) => `${each.name} ${toSpanText(each)}`).join(', ') || null;
}

function toNsidsText({ nsids }: LifespanJson): string | null {
  return (
    nsids.map((each) => `${each.nsid} in #${each.observer} ${toSpanText(each)}`).join(', ') || null
  );
}

const columns: readonly Column<LifespanJson>[] = [
  plainColumn('lifespan', 'our id of this life: #NUMBER as a target', { align: 'right' }),
  plainColumn('host', 'the host it was on'),
  plainColumn('boot', 'the boot it was in'),
  plainColumn('type', 'cgroup, ipc, mnt, net, pid, time, user or uts'),
  plainColumn('inum', 'inode number; the kernel reuses it', { align: 'right' }),
  plainColumn('kernelNamespaceId', "the kernel's own 64-bit id, where it has one", {
    header: 'KERNEL ID',
    align: 'right',
  }),
  plainColumn('incarnation', 'counts the lives this inode number had in this boot', {
    header: 'LIFE',
    align: 'right',
    toText: ({ incarnation, suspected }) => `${incarnation}${suspected ? '?' : ''}`,
  }),
  plainColumn('suspected', 'the inode number looks reused, but nothing proves it (a ? after LIFE)'),
  plainColumn('state', 'held, unheld, unreferenced or ended; with ? when only possible then', {
    toText: toStateText,
  }),
  plainColumn('certainty', 'whether it was certainly or possibly in that state then'),
  ...boundsColumns<LifespanJson>('born', 'birth', ({ born }) => born),
  ...boundsColumns<LifespanJson>(
    'initEnded',
    'of a pid namespace: its init ended, and nobody can be forked into it since',
    ({ initEnded }) => initEnded,
  ),
  ...boundsColumns<LifespanJson>('unheld', 'last visible holder gone', ({ unheld }) => unheld),
  ...boundsColumns<LifespanJson>(
    'unreferenced',
    'last kernel reference gone',
    ({ unreferenced }) => unreferenced,
  ),
  ...boundsColumns<LifespanJson>('gone', 'end', ({ gone }) => gone),
  plainColumn(
    'reason',
    'why it ended: destroyed, vanished (two scans saw nothing), inode-reuse, reboot',
  ),
  {
    ...plainColumn<LifespanJson>('creator', 'who made it: name[pid] and real user id'),
    parts: CREATOR_FIELDS.map(([field]) => `creator.${field}`),
    toText: toCreatorText,
  },
  ...CREATOR_FIELDS.map(([field, help]) => plainColumn<LifespanJson>(`creator.${field}`, help)),
  ...containerColumns<LifespanJson>(
    'creator.container',
    ({ creator }) => creator?.container ?? null,
  ),
  plainColumn('owner', 'lifespan of the user namespace that owns it', { align: 'right' }),
  plainColumn('parent', 'lifespan of its parent (pid and user namespaces)', { align: 'right' }),
  plainColumn('ownerUid', 'user id of whoever made it (user namespaces)', { align: 'right' }),
  plainColumn('names', 'every path it was ever mounted at'),
  plainColumn('nameIntervals', 'when it was mounted at each of them', {
    header: 'NAMED',
    toText: toNamesText,
  }),
  plainColumn('nsids', 'network namespace ids: which, in which observing namespace, from when', {
    toText: toNsidsText,
  }),
  plainColumn('containers', 'containers whose processes were ever in it', {
    toText: ({ containers }) => containers.map(toContainerText).join(', '),
  }),
  plainColumn('initial', 'whether it is an initial namespace'),
  {
    ...plainColumn<LifespanJson>(
      'references',
      'what the kernel counted on it, as last recorded, and who had it',
    ),
    parts: REFERENCE_FIELDS.map(([field]) => `references.${field}`),
    toText: ({ references }) => formatReferences(references),
  },
  ...REFERENCE_FIELDS.map(([field, help]) =>
    plainColumn<LifespanJson>(`references.${field}`, help),
  ),
  {
    ...plainColumn<LifespanJson>('holders', 'holders: now/ever', { align: 'right' }),
    parts: ['holders.now', 'holders.ever'],
    toText: ({ holders }) => `${holders.now}/${holders.ever}`,
  },
  plainColumn('holders.now', 'holders at that instant', { align: 'right' }),
  plainColumn('holders.ever', 'holders it ever had', { align: 'right' }),
];

const ONE_OF_MANY = ['lifespan', 'type', 'inum'];

/** For a list of what was alive at one instant. */
export const stateColumns: ColumnTable<LifespanJson> = {
  columns,
  defaults: [...ONE_OF_MANY, 'state', 'holders', 'born', 'creator', 'names'],
};

/** For the lives of one name or kernel id. */
export const historyColumns: ColumnTable<LifespanJson> = {
  columns,
  defaults: [...ONE_OF_MANY, 'incarnation', 'born', 'gone', 'reason', 'creator', 'names'],
};

/** For the lives of one inode number, which then need not stand in every line. */
export const inumColumns: ColumnTable<LifespanJson> = {
  columns,
  defaults: historyColumns.defaults.filter((field) => field !== 'inum'),
};

/** For the lives of one name: when each bore it. */
export const nameColumns: ColumnTable<LifespanJson> = {
  columns,
  defaults: historyColumns.defaults.map((field) => (field === 'names' ? 'nameIntervals' : field)),
};

/** For one life in full, as a list of names and values. */
export const lifeInFull: ColumnTable<LifespanJson> = {
  columns,
  defaults: columns
    .filter(
      ({ field }) =>
        !/^(born|initEnded|unheld|unreferenced|gone|holders|creator[.]container|references)[.]/.test(
          field,
        ),
    )
    .filter(({ field }) => field !== 'creator' && field !== 'certainty' && field !== 'suspected')
    .map(({ field }) => field),
};
