/**
 * A reader of kernel events that pins and never stores what it reads:
 * `read-events.child.js <options as JSON>` says so, and stays until it is killed.
 */
import { writeSync } from 'node:fs';
import { openKernelEvents, type KernelEventsOptions } from '../../src/observe/kernel-events.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as KernelEventsOptions;
const opened = openKernelEvents(options);
if ('refusal' in opened) {
  throw new Error(opened.refusal);
}
const { events } = opened;
setInterval(() => {
  events.pump();
  events.take(200);
}, 5);
writeSync(1, 'reading\n');
