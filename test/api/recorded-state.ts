/**
 * A state directory as a collector leaves it: real log.db and read.db, filled with what the real rules
 * derive from a small world in which namespaces come, are held, named and go, and nobody watches for a while.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { NAMESPACE_TYPES } from '../../src/domain/namespace-type.ts';
import type { ProcessFacts } from '../../src/domain/process-facts.ts';
import type { ObservedProcess } from '../../src/domain/scan.ts';
import { openProjection } from '../../src/projections/project.ts';
import { openLog } from '../../src/store/open-log.ts';
import {
  ANCHOR_US,
  at,
  Auditor,
  process as makeProcess,
  type ScanInput,
} from '../support/scan-builder.ts';

export const NET_INUM = 4_026_532_268;
export const UTS_INUM = 4_026_532_300;
const OTHER_INUM = 4_026_532_400;

/** The name of a program that would like to be markup. */
export const HOSTILE_COMM = '<script>alert(1)</script>';

const HOSTILE_FACTS: ProcessFacts = {
  ppid: 1,
  comm: HOSTILE_COMM,
  exe: `/opt/${HOSTILE_COMM}`,
  uid: 1000,
  gid: 1000,
  loginuid: null,
  session: null,
  cgroup: '/',
  containerId: null,
};

/** Wall time, epoch microseconds, a little after everything in it. */
export const LATER_US = ANCHOR_US + 100_000_000;

export interface RecordedState {
  readonly directory: string;
  /** Goes on watching for a second in which one process joins and another leaves; appends events. */
  goOn(): void;
  /** Log position. */
  position(): number;
}

function makeHolder(pid: number): ObservedProcess {
  return makeProcess(pid, { net: NET_INUM }, { facts: HOSTILE_FACTS });
}

/** Records the world into a fresh directory that the end of the test removes. */
export async function recordState(): Promise<RecordedState> {
  const directory = mkdtempSync(join(tmpdir(), 'nsaudit-state-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const log = await openLog({
    stateDirectory: directory,
    holder: { pid: 1, startedUs: ANCHOR_US, purpose: 'test' },
    host: 'host-1',
  });
  const projection = await openProjection({ files: log.files, log: log.reader });
  onTestFinished(() => {
    projection.close();
    log.close();
  });

  const auditor = new Auditor();
  let stored = 0;
  let second = 0;
  const save = () => {
    const events = auditor.log.slice(stored);
    if (events.length === 0) {
      return;
    }
    stored = auditor.log.length;
    const appended = log.writer.appendBatch(events, {
      producer: 'test',
      producerSeq: stored,
      atUs: events.at(-1)?.at ?? 0,
      wallUs: at(second),
    });
    projection.apply(events, appended.batchHash);
  };
  const look = (processes: ScanInput['processes']) => {
    second += 1;
    auditor.scan({ second, processes });
    save();
    projection.setLive({
      scanStartedUs: at(second),
      scanEndedUs: at(second) + 100_000,
      position: stored,
      scanIntervalUs: 1_000_000,
      watchedUs: null,
    });
  };

  const world = [makeProcess(1), makeProcess(2)];
  const isolated = makeProcess(
    3,
    Object.fromEntries(NAMESPACE_TYPES.map((type, index) => [type, OTHER_INUM + index])),
  );
  look(world);
  look([...world, makeHolder(10), isolated]);
  look([...world, makeHolder(10), makeHolder(11), makeProcess(12, { uts: UTS_INUM })]);
  look([...world, makeHolder(11)]);
  look([...world, makeHolder(11)]);
  second += 90;
  look([...world, makeHolder(11)]);
  look([...world, makeHolder(11)]);

  let nextPid = 20;
  return {
    directory,
    goOn() {
      look([...world, makeHolder(11), makeProcess(nextPid, { net: NET_INUM })]);
      nextPid += 1;
    },
    position: () => stored,
  };
}
