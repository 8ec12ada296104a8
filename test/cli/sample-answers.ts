/**
 * Answers with every kind of row in every kind of trouble, for the golden files: exact and uncertain
 * bounds, a suspected reuse, names chosen by somebody who does not want to be read, gaps, and what could
 * not be read.
 */
import type {
  Answer,
  CoverageJson,
  EventJson,
  HolderJson,
  LifespanJson,
} from '../../src/domain/json.ts';
import type {
  CoverageRowJson,
  ProcessJson,
  QueryDescription,
  QueryRow,
  Report,
  TimelineJson,
} from '../../src/history/history.ts';
import { buildFakeHistory, makeLifespan, type FakeHistory } from '../support/fake-history.ts';

const AT = '2026-11-22T10:17:03.512345Z';
const EARLIER = '2026-11-22T10:17:02.500000Z';
const LATER = '2026-11-22T10:19:44.000001Z';

const HOSTILE_COMM = '\u001b[2Jsshd, "=1+1"|';
const HOSTILE_PATH = '/run/netns/a  b\n`|\u202e';

const SCAN = { after: EARLIER, by: AT, evidence: 'scan' } as const;
const EXACT = { after: AT, by: AT, evidence: 'kernel-event' } as const;
const BASELINE = { after: null, by: AT, evidence: 'baseline' } as const;
const END = { after: AT, by: LATER, evidence: 'scan' } as const;

const COVERAGE: CoverageJson = {
  state: 'partly-watched',
  from: EARLIER,
  to: LATER,
  lastScan: AT,
  minimumLifetimeUs: 1_012_345,
  complete: false,
  unreadable: [
    { source: 'links', reason: 'EACCES', count: 2, example: '/proc/1/ns/cgroup' },
    { source: 'mounts', reason: 'EPERM', count: 1, example: '/proc/77/mountinfo' },
  ],
  gaps: [{ from: EARLIER, to: AT, reason: 'killed' }],
};

const CREATOR: NonNullable<LifespanJson['creator']> = {
  pid: 4711,
  startTimeTicks: '123456',
  ppid: 1,
  comm: 'unshare',
  exe: '/usr/bin/unshare',
  uid: 1000,
  gid: 1000,
  loginuid: 1000,
  session: 3,
  cgroup: '/user.slice',
  containerId: null,
  container: null,
  how: null,
  evidence: 'scan',
} as const;

const LIFESPANS: readonly LifespanJson[] = [
  makeLifespan(12, {
    creator: CREATOR,
    names: ['/run/netns/blue', '/mnt/blue'],
    kernelNamespaceId: null,
    born: SCAN,
    owner: '3',
    ownerUid: null,
  }),
  makeLifespan(734_112, {
    type: 'cgroup',
    inum: 4_026_532_301,
    incarnation: 12,
    suspected: true,
    state: 'unreferenced',
    certainty: 'possible',
    born: EXACT,
    unheld: END,
    names: [],
    unreferenced: END,
    gone: END,
    reason: 'vanished',
    holders: { now: 0, ever: 104 },
    creator: { ...CREATOR, comm: HOSTILE_COMM, uid: 0 },
  }),
  makeLifespan(9, {
    type: 'mnt',
    inum: 4_026_531_832,
    born: BASELINE,
    creator: null,
    names: [HOSTILE_PATH],
  }),
];

const HOLDER: HolderJson = {
  holder: '13',
  lifespan: '12',
  kind: 'process',
  pid: 4711,
  tid: null,
  startTimeTicks: '123456',
  fd: null,
  path: null,
  mountNamespace: null,
  socketInode: null,
  interface: null,
  namespace: null,
  ppid: 1,
  comm: 'sleep',
  exe: '/usr/bin/sleep',
  uid: 0,
  gid: 0,
  loginuid: null,
  session: null,
  cgroup: '/',
  containerId: null,
  container: null,
  set: '11',
  how: 'fork',
  ancestors: null,
  observer: false,
  from: SCAN,
  to: null,
};

const PLAIN = { pid: null, startTimeTicks: null, comm: null, exe: null, uid: null, gid: null };

const HOLDERS: readonly HolderJson[] = [
  HOLDER,
  { ...HOLDER, holder: '14', kind: 'thread', tid: 4712, comm: HOSTILE_COMM, to: END },
  { ...HOLDER, holder: '15', kind: 'fd', fd: 7, from: BASELINE },
  {
    ...HOLDER,
    ...PLAIN,
    holder: '16',
    kind: 'bind-mount',
    path: HOSTILE_PATH,
    mountNamespace: '9',
  },
  { ...HOLDER, ...PLAIN, holder: '17', kind: 'child-namespace', namespace: '734112', from: EXACT },
  { ...HOLDER, ...PLAIN, holder: '18', kind: 'unattributed' },
];

const PROCESSES: readonly ProcessJson[] = [
  {
    pid: 4711,
    tid: null,
    startTimeTicks: '123456',
    comm: 'sleep',
    from: SCAN,
    to: END,
    namespaces: LIFESPANS.slice(0, 2),
  },
  {
    pid: 4711,
    tid: 4713,
    startTimeTicks: '99',
    comm: HOSTILE_COMM,
    from: BASELINE,
    to: SCAN,
    namespaces: [],
  },
];

const TIMELINE: readonly TimelineJson[] = [
  {
    at: AT,
    after: EARLIER,
    what: 'born',
    lifespan: '12',
    type: 'net',
    inum: 4_026_532_268,
    seq: 12,
    detail: 'by unshare[4711]',
  },
  {
    at: LATER,
    after: null,
    what: 'gap',
    lifespan: null,
    type: null,
    inum: null,
    seq: 20,
    detail: HOSTILE_COMM,
  },
];

const COVERAGE_ROWS: readonly CoverageRowJson[] = [
  {
    seq: 20,
    kind: 'gap',
    from: AT,
    to: LATER,
    source: 'procfs',
    scans: null,
    minimumLifetimeUs: null,
    scanIntervalUsMedian: null,
    scanDurationUsMax: null,
    complete: null,
    unreadable: [],
    reason: 'killed',
    lost: null,
  },
  {
    seq: 3,
    kind: 'watched',
    from: EARLIER,
    to: AT,
    source: 'procfs',
    scans: 20,
    minimumLifetimeUs: 1_012_345,
    scanIntervalUsMedian: 1_000_000,
    scanDurationUsMax: 12_345,
    complete: false,
    unreadable: COVERAGE.unreadable,
    reason: null,
    lost: null,
  },
];

export const EVENTS: readonly EventJson[] = [
  {
    seq: 1,
    event: 'collector.started',
    version: 1,
    at: EARLIER,
    boot: 'b-1',
    profile: 'procfs',
    scanIntervalUs: 1_000_000,
    pid: 77,
    uid: 0,
    toolVersion: '0.1.0',
  },
  {
    seq: 12,
    event: 'namespace.born',
    version: 1,
    at: AT,
    lifespan: '12',
    type: 'net',
    inum: 4_026_532_268,
    born: SCAN,
    creator: { ...CREATOR, comm: HOSTILE_COMM },
    initial: false,
    suspected: true,
    owner: '3',
  },
  {
    seq: 13,
    event: 'holder.gained',
    version: 1,
    at: AT,
    kind: 'process',
    set: '13',
    namespaces: ['3', '12'],
    pid: 4711,
    comm: 'unshare',
    uid: 1000,
    lifespan: null,
    type: null,
    from: SCAN,
  },
  {
    seq: 14,
    event: 'holder.lost',
    version: 1,
    at: LATER,
    holder: '13',
    kind: 'process',
    pid: 4711,
    set: '13',
    lifespan: null,
    type: null,
    to: END,
  },
  {
    seq: 15,
    event: 'namespace.disappeared',
    version: 1,
    at: LATER,
    lifespan: '12',
    type: 'net',
    inum: 4_026_532_268,
    reason: 'vanished',
    gone: END,
  },
  {
    seq: 16,
    event: 'observation.gap',
    version: 1,
    at: LATER,
    source: 'procfs',
    lost: 17,
    from: AT,
    to: LATER,
    reason: 'killed',
  },
];

const QUERIES: readonly QueryDescription[] = [
  {
    name: 'short-lived',
    question: 'Which namespaces lived less than a second?',
    parameters: [
      { name: 'since', type: 'time', default: '-1d', description: 'start of the window' },
      { name: 'uid', type: 'integer', default: null, description: 'whose' },
    ],
    columns: [
      { name: 'inum', description: 'inode number' },
      { name: 'comm', description: 'who made it' },
    ],
    example: 'nsaudit query short-lived -p since=-7d -p uid=1000',
  },
];

const QUERY_ROWS: readonly QueryRow[] = [
  { inum: 4_026_532_268, comm: 'unshare' },
  { inum: 7, comm: HOSTILE_COMM },
  { inum: null, comm: null },
];

const REPORT: Report = {
  name: 'summary',
  title: 'Summary',
  host: 'host-1',
  from: EARLIER,
  to: LATER,
  generatedAt: LATER,
  position: 6,
  coverage: COVERAGE,
  data: [
    {
      title: 'Births',
      note: 'By type.',
      columns: ['type', 'count'],
      rows: [
        { type: 'net', count: 12 },
        { type: 'mnt', count: 3 },
      ],
    },
    {
      title: 'Creators',
      note: 'Who made | them.',
      columns: ['comm'],
      rows: [{ comm: HOSTILE_COMM }],
    },
    { title: 'Leaks', note: 'Unheld for long.', columns: ['inum'], rows: [] },
  ],
  at: LATER,
  page: { limit: 3, next: null },
};

function answer<Row>(data: readonly Row[]): Answer<Row> {
  const page = { limit: 100, next: 'eyJ2IjoxfQ' };
  return { at: AT, position: 6, coverage: COVERAGE, data, page };
}

/** A history whose every answer is one of the samples, whatever was asked. */
export function buildSampleHistory(): FakeHistory {
  return {
    ...buildFakeHistory(),
    state: () => answer(LIFESPANS),
    lifespans: () => answer(LIFESPANS),
    lifespan: () => answer(LIFESPANS.slice(1, 2)),
    holders: () => answer(HOLDERS),
    process: () => answer(PROCESSES),
    timeline: () => answer(TIMELINE),
    coverage: () => answer(COVERAGE_ROWS),
    events: () => answer(EVENTS),
    queries: () => QUERIES,
    query: () => answer(QUERY_ROWS),
    report: () => REPORT,
  };
}
