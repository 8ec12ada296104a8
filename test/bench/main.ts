/**
 * `npm run bench [NAME…]`: measures every budget against its reference in the same run and prints the ratio.
 * Ends with status 1 when a budget is missed, and says which benchmark could not run and why.
 */
import { resolve } from 'node:path';
import { benchAppend } from './append.ts';
import { benchHolders } from './holders.ts';
import { benchInventory } from './inventory.ts';
import { benchKernelEvents } from './kernel-events.ts';
import { formatRow, isMet, type BenchRow } from './measure.ts';
import { benchQuestions } from './questions.ts';
import { benchRebuild } from './rebuild.ts';
import { benchVerify } from './verify.ts';

/** The C sources of the references are not compiled into dist. */
const sourceDirectory = resolve(import.meta.dirname, '../../../test/bench');

const benchmarks: Readonly<Record<string, () => Promise<BenchRow[]>>> = {
  inventory: () => benchInventory(sourceDirectory),
  holders: () => benchHolders(sourceDirectory),
  'kernel-events': () => benchKernelEvents(sourceDirectory),
  append: benchAppend,
  rebuild: benchRebuild,
  verify: benchVerify,
  questions: benchQuestions,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => benchmarks[name] === undefined);
if (unknown.length > 0) {
  console.error(
    `no benchmark ${unknown.join(', ')}; there are ${Object.keys(benchmarks).join(', ')}`,
  );
  process.exitCode = 2;
} else {
  for (const [name, run] of Object.entries(benchmarks)) {
    if (wanted.length === 0 || wanted.includes(name)) {
      await report(name, run);
    }
  }
}

async function report(name: string, run: () => Promise<BenchRow[]>): Promise<void> {
  try {
    for (const row of await run()) {
      console.log(formatRow(row));
      process.exitCode = isMet(row) ? (process.exitCode ?? 0) : 1;
    }
  } catch (error) {
    console.error(
      `${name} could not run: ${error instanceof Error ? error.message : String(error)}`,
    );
    process.exitCode = 1;
  }
}
