/**
 * Ends a test run with one line that says how it went, alone on its line: `12 passed, 0 failed`,
 * or `12 passed, 0 failed, 3 skipped`.
 *
 * Counts as failed: a failed test; a file that could not be loaded; a suite whose hook threw; an
 * error nobody caught. Counts as skipped: every test that did not run, also after an interruption.
 */
import type { Reporter, TestModule } from 'vitest/node';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

function tallyModule(module: TestModule, tally: Tally): void {
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed' || state === 'failed') tally[state] += 1;
    else tally.skipped += 1;
  }
  for (const suite of module.children.allSuites()) {
    if (suite.errors().length > 0) tally.failed += 1;
  }
  if (module.errors().length > 0) tally.failed += 1;
}

/** The sentence for a finished run. `uncaughtCount` is the number of errors outside any test. */
function closingLine(modules: readonly TestModule[], uncaughtCount: number): string {
  const tally: Tally = { passed: 0, failed: uncaughtCount, skipped: 0 };
  for (const module of modules) tallyModule(module, tally);
  const line = `${tally.passed} passed, ${tally.failed} failed`;
  return tally.skipped === 0 ? line : `${line}, ${tally.skipped} skipped`;
}

/** A vitest reporter; it must stand last in the list so that its line is the last one printed. */
export class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], uncaught: readonly unknown[]): void {
    process.stdout.write(`${closingLine(modules, uncaught.length)}\n`);
  }
}
