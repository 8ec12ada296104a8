/** What the tests of procfs sources share: a tree of their own for each test, and scans of it. */
import { afterEach, beforeEach } from 'vitest';
import type { ObservedProcess, Scan, ScanSource, SourceReport } from '../../src/domain/scan.ts';
import { createProcfsScanner, type ProcfsScanner } from '../../src/observe/procfs-scan.ts';
import { createProcTree, type ProcTree } from '../support/proc-tree.ts';

/** A tree that begins empty in each test and is removed after it. */
export function useProcTree(): ProcTree {
  let current: ProcTree | null = null;
  const tree = (): ProcTree => {
    current ??= createProcTree();
    return current;
  };
  beforeEach(() => {
    current = null;
  });
  afterEach(() => current?.remove());
  return {
    get root() {
      return tree().root;
    },
    addProcess: (pid, process) => tree().addProcess(pid, process),
    removeProcess: (pid) => tree().removeProcess(pid),
    write: (path, content) => tree().write(path, content),
    link: (path, target) => tree().link(path, target),
    removeFile: (path) => tree().removeFile(path),
    forbid: (path) => tree().forbid(path),
    remove: () => tree().remove(),
  };
}

/** A scanner with a clock that ticks once a look. */
export function createScanner(tree: ProcTree): ProcfsScanner {
  let nowUs = 0;
  const clock = { timelineUs: () => (nowUs += 1) };
  return createProcfsScanner({ procRoot: tree.root, bootId: 'boot', clock });
}

export function scanOnce(tree: ProcTree, sources?: readonly ScanSource[]): Scan {
  return createScanner(tree).scan(sources);
}

/** The process of that pid, as an assertion that it was seen. */
export function findProcess(scan: Scan, pid: number): ObservedProcess {
  const found = scan.processes.find((process) => process.pid === pid);
  if (!found) {
    throw new Error(`process ${pid} is not among ${scan.processes.map((process) => process.pid)}`);
  }
  return found;
}

export function findReport(scan: Scan, source: ScanSource): SourceReport {
  const found = scan.reports.find((report) => report.source === source);
  if (!found) {
    throw new Error(`no report of ${source}`);
  }
  return found;
}
