/**
 * `npm run check`: every gate at once, all of them even when the first fails.
 *
 * A gate is a script of package.json, so each can also be run alone: `npm run lint`. Prints one line
 * per gate and the output of those that failed; exits 1 when any did.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const gates = ['types', 'rooms', 'unused', 'lint', 'format:check'];

/**
 * @typedef {{ gate: string, passed: boolean, output: string, durationMs: number }} GateResult
 */

/**
 * @param {string} gate
 * @param {string | undefined} command
 * @returns {Promise<GateResult>}
 */
function runGate(gate, command) {
  const startedAt = Date.now();
  return new Promise((resolve) => {
    if (command === undefined) {
      resolve({ gate, passed: false, output: 'no such script in package.json\n', durationMs: 0 });
      return;
    }
    const path = [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);
    const child = spawn(command, {
      cwd: root,
      shell: true,
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => (output += `${error.message}\n`));
    child.on('close', (code) => {
      resolve({ gate, passed: code === 0, output, durationMs: Date.now() - startedAt });
    });
  });
}

/** @param {GateResult} result */
function printResult({ gate, passed, output, durationMs }) {
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${gate} (${(durationMs / 1000).toFixed(1)} s)`);
  // Some tools colour whatever the terminal when CI is set.
  if (!passed) console.log(stripVTControlCharacters(output).trimEnd());
}

/** @type {{ scripts: Record<string, string> }} */
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const results = await Promise.all(gates.map((gate) => runGate(gate, scripts[gate])));
for (const result of results) printResult(result);

const failed = results.filter(({ passed }) => !passed).map(({ gate }) => gate);
if (failed.length > 0) {
  console.log(`gates failed: ${failed.map((gate) => `npm run ${gate}`).join(', ')}`);
  process.exitCode = 1;
}
