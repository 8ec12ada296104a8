/**
 * A server started by systemd-socket-activate(1), as systemd starts it: another process, with the
 * listening socket as descriptor 3. Node cannot run the TypeScript of src/, so the two files that matter
 * are transpiled beside a few lines that stand for `nsaudit serve`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { onTestFinished, vi } from 'vitest';

const repository = fileURLToPath(new URL('../../', import.meta.url));
/** Of the package systemd; executes the program when the first connection comes. */
export const ACTIVATOR = 'systemd-socket-activate';

const FILES = ['domain/errors', 'api/listen'];

const SERVE = `
import { fastify } from 'fastify';
import { findInheritedSocket, listen } from './api/listen.js';
const app = fastify();
app.get('/', () => ({ pid: process.pid }));
process.on('SIGTERM', () => app.close());
try {
  const address = findInheritedSocket(process.env, process.pid);
  console.log('at ' + await listen(app, address, 'unix'));
} catch (error) {
  console.log(error.code + ': ' + error.message);
}
`;

export interface ActivatedServer {
  /** What the server printed so far. */
  output(): string;
  /** Sends SIGTERM and resolves to the exit status. */
  stop(): Promise<number | null>;
}

/** Starts the activator on an address of systemd.socket(5); the server itself starts with the first connection. */
export async function startActivated(directory: string, address: string): Promise<ActivatedServer> {
  transpileInto(directory);
  const script = join(directory, 'serve.mjs');
  const child = spawn(ACTIVATOR, ['--listen', address, process.execPath, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await vi.waitFor(() => {
    if (!said.includes('Listening on')) {
      throw new Error(`not listening yet: ${said}`);
    }
  }, 5_000);
  return {
    output: () => output,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const [status] = (await gone) as [number | null];
      return status;
    },
  };
}

function transpileInto(directory: string): void {
  for (const file of FILES) {
    const source = readFileSync(join(repository, 'src', `${file}.ts`), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const target = join(directory, `${file}.js`);
    mkdirSync(join(target, '..'), { recursive: true });
    writeFileSync(target, outputText);
  }
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(join(directory, 'serve.mjs'), SERVE);
  if (!existsSync(join(directory, 'node_modules'))) {
    symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'));
  }
}

/** A port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
