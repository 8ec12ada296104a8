/**
 * A process that rebuilds read.db again and again: `rebuild.child.js <state directory> <times>`.
 *
 * Prints one line when it begins and one after each rebuild.
 */
import { writeSync } from 'node:fs';
import { rebuildReadDatabase } from '../../src/projections/rebuild.ts';
import { openLog } from '../../src/store/open-log.ts';

const [stateDirectory = '', times = '0'] = process.argv.slice(2);
const holder = { pid: process.pid, startedUs: 1_795_305_600_000_000, purpose: 'rebuild' };
const log = await openLog({ stateDirectory, holder, host: 'host.example' });
writeSync(1, 'begin\n');
for (let round = 1; round <= Number(times); round += 1) {
  await rebuildReadDatabase(log.files.readPath, log.reader);
  writeSync(1, `${round}\n`);
}
log.close();
