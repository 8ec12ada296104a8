/**
 * Processes that run code of this checkout: what a kill, another user or another process does to the
 * store can be seen in no other way.
 *
 * A `*.child.ts` file and what it imports are turned into JavaScript in a temporary directory, from the
 * sources as they are, so that no build has to come first.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import ts from 'typescript';
import { afterAll, afterEach } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const target = mkdtempSync(join(tmpdir(), 'nsaudit-children-'));
const compiled = new Set<string>();
const running = new Set<ChildProcess>();

// Readable for whatever user a child runs as.
chmodSync(target, 0o755);
writeFileSync(join(target, 'package.json'), '{"type":"module"}');
symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'));

afterAll(() => rmSync(target, { recursive: true, force: true }));
// What a failed test left running.
afterEach(() => running.forEach((child) => child.kill('SIGKILL')));

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

function compile(file: string): string {
  const output = join(target, relative(root, file)).replace(/\.ts$/, '.js');
  if (!compiled.has(file)) {
    compiled.add(file);
    const text = readFileSync(file, 'utf8');
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(
      output,
      ts.transpileModule(text, { compilerOptions: OPTIONS, fileName: file }).outputText,
    );
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      if (fileName.startsWith('.')) {
        compile(resolve(dirname(file), fileName));
      }
    }
  }
  return output;
}

export interface Child {
  readonly pid: number;
  /** Every line it has printed so far. */
  readonly lines: readonly string[];
  /** The next line it prints, or undefined when it ends before that. */
  nextLine(): Promise<string | undefined>;
  /** SIGKILL, and waits until it is gone and all it said has been read. */
  kill(): Promise<void>;
  /** Waits for its end. Its exit status; null when a signal ended it. */
  finished(): Promise<number | null>;
}

/** Starts `test/store/<name>.child.ts`. `wrapper` are words in front of the command line, such as setpriv(1). */
export function startChild(
  name: string,
  parameters: readonly string[],
  wrapper: readonly string[] = [],
): Child {
  const file = compile(join(import.meta.dirname, `${name}.child.ts`));
  const [program = '', ...words] = [...wrapper, process.execPath, file, ...parameters];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const closed = Promise.all([once(child, 'close'), once(reader, 'close')]);
  child.once('close', () => running.delete(child));
  return {
    pid: child.pid ?? 0,
    lines,
    async nextLine() {
      const before = lines.length;
      await Promise.race([once(reader, 'line'), closed]);
      return lines[before];
    },
    async kill() {
      child.kill('SIGKILL');
      await closed;
    },
    async finished() {
      await closed;
      return child.exitCode;
    },
  };
}

/** Runs one to its end: the lines it printed. */
export async function runChild(
  name: string,
  parameters: readonly string[],
  wrapper: readonly string[] = [],
): Promise<readonly string[]> {
  const child = startChild(name, parameters, wrapper);
  await child.finished();
  return child.lines;
}
