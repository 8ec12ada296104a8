/**
 * A history of fixed rows in memory, for tests of what stands in front of one: routing, reading of
 * parameters, streaming. It answers honestly (filters, pages, not-found), but nothing is derived; what
 * real answers look like is tested against a real state directory.
 */
import { NsauditError } from '../../src/domain/errors.ts';
import type {
  Answer,
  CoverageJson,
  EventJson,
  HolderJson,
  LifespanJson,
} from '../../src/domain/json.ts';
import { NAMESPACE_TYPES } from '../../src/domain/namespace-type.ts';
import {
  LIMIT_DEFAULT,
  type History,
  type PageRequest,
  type Status,
} from '../../src/history/history.ts';

const AT = '2026-11-22T10:17:03.000042Z';
const BORN = { after: AT, by: AT, evidence: 'scan' } as const;

/** Everything in it that a watched process can choose tries to break out of the page. */
export const HOSTILE = `<script>alert("1")</script>'&\u202e\n`;

const COVERAGE: CoverageJson = {
  state: 'watched',
  from: AT,
  to: AT,
  lastScan: AT,
  minimumLifetimeUs: 1_200_000,
  complete: true,
  unreadable: [],
  gaps: [],
};

export function makeLifespan(id: number, changes: Partial<LifespanJson> = {}): LifespanJson {
  return {
    lifespan: String(id),
    host: 'host-1',
    boot: 'boot-1',
    type: 'net',
    inum: 4_026_532_268,
    kernelNamespaceId: '1283',
    incarnation: 1,
    suspected: false,
    state: 'held',
    certainty: 'certain',
    born: BORN,
    initEnded: null,
    unheld: null,
    unreferenced: null,
    gone: null,
    reason: null,
    creator: {
      pid: 4711,
      startTimeTicks: '123456',
      ppid: 1,
      comm: HOSTILE,
      exe: HOSTILE,
      uid: 1000,
      gid: 1000,
      loginuid: null,
      session: null,
      cgroup: '/',
      containerId: null,
      container: null,
      how: 'unshare',
      evidence: 'scan',
    },
    owner: null,
    parent: null,
    ownerUid: 1000,
    names: [`/run/netns/${HOSTILE}`],
    nameIntervals: [],
    nsids: [],
    containers: [],
    initial: false,
    references: {
      total: 7,
      processSets: 1,
      nsfsInodes: 1,
      sockets: 5,
      unattributed: 0,
      at: AT,
    },
    holders: { now: 1, ever: 4 },
    ...changes,
  };
}

const LIFESPANS: readonly LifespanJson[] = [
  makeLifespan(12),
  makeLifespan(34, { type: 'mnt', inum: 4_026_532_300 }),
  makeLifespan(56, { type: 'uts', inum: 4_026_532_301, creator: null, names: [] }),
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
  from: BORN,
  to: null,
};

export interface FakeHistory extends History {
  /** Appends events to the log; seqs go on from the last. */
  append(count: number): void;
  /** Makes every question fail from now on; undefined heals it. */
  failWith(error: Error | undefined): void;
}

export function buildFakeHistory(eventCount = 3): FakeHistory {
  const events: EventJson[] = [];
  let failure: Error | undefined;
  const position = () => events.length;

  function answer<Row>(
    rows: readonly Row[],
    { limit = LIMIT_DEFAULT, cursor }: PageRequest,
  ): Answer<Row> {
    if (failure) {
      throw failure;
    }
    const from = readCursor(cursor);
    const next = from + limit < rows.length ? `row-${from + limit}` : null;
    const data = rows.slice(from, from + limit);
    return { at: AT, position: position(), coverage: COVERAGE, data, page: { limit, next } };
  }

  const history: FakeHistory = {
    host: 'host-1',
    append(count) {
      for (let index = 0; index < count; index += 1) {
        const seq = events.length + 1;
        events.push({
          seq,
          event: 'namespace.unheld',
          version: 1,
          at: AT,
          lifespan: '12',
          type: 'net',
          inum: 4_026_532_268,
          unheld: BORN,
        });
      }
    },
    failWith(error) {
      failure = error;
    },
    status() {
      if (failure) {
        throw failure;
      }
      return makeStatus(position());
    },
    state: ({ types, ...page }) =>
      answer(
        LIFESPANS.filter(({ type }) => types?.includes(type) ?? true),
        page,
      ),
    lifespans: ({ target, ...page }) =>
      answer(
        LIFESPANS.filter(
          ({ inum, type }) =>
            target.kind === 'inum' &&
            target.inum === inum &&
            (target.type === null || target.type === type),
        ),
        page,
      ),
    lifespan: (id) => answer([requireLifespan(id)], { limit: 1 }),
    holders({ target, ...page }) {
      const id = target.kind === 'lifespan' ? target.lifespan : 0;
      requireLifespan(id);
      return answer(id === 12 ? [HOLDER] : [], page);
    },
    process: ({ pid, ...page }) =>
      answer(
        pid === 4711
          ? [
              {
                pid,
                tid: null,
                startTimeTicks: '123456',
                comm: 'sleep',
                from: BORN,
                to: null,
                namespaces: [makeLifespan(12)],
              },
            ]
          : [],
        page,
      ),
    timeline: (page) =>
      answer(
        [
          {
            at: AT,
            after: null,
            what: 'born',
            lifespan: '12',
            type: 'net',
            inum: 4_026_532_268,
            detail: HOSTILE,
            seq: 12,
          },
        ],
        page,
      ),
    events: ({ after = 0, limit, cursor }) =>
      answer(
        events.filter(({ seq }) => seq > after),
        { limit, cursor },
      ),
    checkpoint() {
      throw failure ?? new NsauditError('not-found', 'no checkpoint has been published.');
    },
    proof() {
      throw failure ?? new NsauditError('unavailable', 'no checkpoint covers it.');
    },
    coverage: (page) =>
      answer(
        [
          {
            seq: 3,
            kind: 'watched',
            from: AT,
            to: AT,
            source: 'procfs',
            scans: 20,
            minimumLifetimeUs: 1_200_000,
            scanIntervalUsMedian: 1_000_000,
            scanDurationUsMax: 200_000,
            complete: true,
            unreadable: [],
            reason: null,
            lost: null,
          },
        ],
        page,
      ),
    queries: () => [
      {
        name: 'short-lived',
        question: 'Which namespaces lived less than a second?',
        parameters: [
          { name: 'since', type: 'time', default: '-1d', description: 'start of the window' },
        ],
        columns: [{ name: 'inum', description: 'inode number' }],
        example: '{"since":"-1d"}',
      },
    ],
    query({ name, limit }) {
      if (name !== 'short-lived') {
        throw new NsauditError('not-found', `there is no query "${name}".`);
      }
      return answer([{ inum: 4_026_532_268, comm: null, exe: '/usr/bin/sleep' }], { limit });
    },
    report: ({ name }) => ({
      name,
      title: 'Summary',
      host: 'host-1',
      from: AT,
      to: AT,
      generatedAt: AT,
      position: position(),
      coverage: COVERAGE,
      data: [{ title: 'Births', note: 'By type.', columns: ['type'], rows: [{ type: 'net' }] }],
      at: AT,
      page: { limit: 1, next: null },
    }),
    close() {},
  };
  history.append(eventCount);
  return history;
}

function makeStatus(position: number): Status {
  return {
    host: 'host-1',
    logId: 'log-1',
    position,
    head: position,
    isCollecting: true,
    suspendedAt: null,
    lastScanAt: AT,
    namespaces: Object.fromEntries(
      NAMESPACE_TYPES.map((type, index) => [type, index]),
    ) as Status['namespaces'],
    gapCount: 1,
    gapTotalUs: 2_500_000,
    lossCount: 0,
    lostCount: 0,
    disk: {
      freeBytes: 5_000_000,
      totalBytes: 9_000_000,
      logBytes: 400_000,
      readBytes: 300_000,
      logWalBytes: 20_000,
      readWalBytes: 10_000,
      ballastBytes: 180_000,
    },
  };
}

function readCursor(cursor: string | undefined): number {
  const match = /^row-(\d+)$/.exec(cursor ?? 'row-0');
  if (!match) {
    throw new NsauditError('usage', `the cursor "${cursor}" is not one of this log.`);
  }
  return Number(match[1]);
}

function requireLifespan(id: number): LifespanJson {
  const lifespan = LIFESPANS.find((row) => row.lifespan === String(id));
  if (!lifespan) {
    throw new NsauditError('not-found', `there is no lifespan ${id}.`);
  }
  return lifespan;
}
