/** A process that takes the collector lock: `hold-lock.child.js <lock file>` says so, or why not, and stays. */
import { writeSync } from 'node:fs';
import { NsauditError } from '../../src/domain/errors.ts';
import { acquireCollectorLock } from '../../src/store/collector-lock.ts';

const holder = { pid: process.pid, startedUs: 1_795_305_600_000_000, purpose: 'collector' };
let refusal: NsauditError | null = null;
try {
  acquireCollectorLock(process.argv[2] ?? '', holder);
} catch (error) {
  if (!(error instanceof NsauditError)) {
    throw error;
  }
  refusal = error;
}
writeSync(
  1,
  refusal ? `${JSON.stringify({ code: refusal.code, message: refusal.message })}\n` : 'held\n',
);
setInterval(() => {}, 60_000);
