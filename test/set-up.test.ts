/**
 * The set-up script and the gate runner, on a small project of their own: real compiler, real
 * better-sqlite3 (linked in), so everything runs except the download.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-set-up-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let project = '';
let projectCount = 0;

function write(path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

function installedVersion(name: string): string {
  const manifest = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
  return String((JSON.parse(manifest) as { version: unknown }).version);
}

/** A project with two packages installed by hand, that is, without the stamp of the set-up. */
beforeEach(() => {
  project = join(scratch, String((projectCount += 1)));
  cpSync(join(root, '.ci'), join(project, '.ci'), { recursive: true });
  const packages: Record<string, object> = { '': { name: 'small' } };
  mkdirSync(join(project, 'node_modules'));
  for (const name of ['better-sqlite3', 'typescript']) {
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
    packages[`node_modules/${name}`] = { version: installedVersion(name) };
  }
  write('package.json', '{"type":"module"}');
  write('package-lock.json', JSON.stringify({ packages }));
  write('node_modules/.package-lock.json', JSON.stringify({ packages }));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    types: [],
    rootDir: '.',
    skipLibCheck: true,
  };
  write('tsconfig.json', JSON.stringify({ compilerOptions }));
  write('tsconfig.build.json', '{"extends":"./tsconfig.json","include":["src"]}');
  write('src/cli/main.ts', 'export const answer: number = 42;\n');
});

function setUp(
  mode: string,
  { env = process.env, nodeOptions = [] as string[] } = {},
): { status: number | null; said: string[] } {
  const script = join(project, '.ci', 'set-up.mjs');
  const result = spawnSync(process.execPath, [...nodeOptions, script, mode], {
    cwd: '/',
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(result.stdout).toBe('');
  return { status: result.status, said: result.stderr.split('\n').filter((line) => line !== '') };
}

const hasClang = ['clang', ...[20, 19, 18, 17, 16, 15, 14].map((major) => `clang-${major}`)].some(
  (name) => spawnSync(name, ['--version']).status === 0,
);

const built = (path: string): string => join(project, 'dist', path);

describe('set-up', () => {
  test('a hand-made installation that matches the lockfile is kept, and a second run is silent', () => {
    expect(setUp('start')).toEqual({ status: 0, said: ['set-up: building'] });
    expect(existsSync(built('src/cli/main.js'))).toBe(true);
    expect(setUp('start')).toEqual({ status: 0, said: [] });
  });

  test('a build follows its sources: changed, added and removed', () => {
    write('src/extra.ts', 'export const extra = 1;\n');
    setUp('start');
    rmSync(join(project, 'src/extra.ts'));
    write('src/cli/main.ts', 'export const answer: number = 43;\n');
    expect(setUp('start').said).toEqual(['set-up: building']);
    expect(readFileSync(built('src/cli/main.js'), 'utf8')).toContain('43');
    expect(existsSync(built('src/extra.js'))).toBe(false);
  });

  test('a failed build says why, exits 1 and leaves the last good one', () => {
    setUp('start');
    write('src/cli/main.ts', "export const answer: number = 'none';\n");
    const { status, said } = setUp('start');
    expect(status).toBe(1);
    expect(said.join('\n')).toMatch(/TS2322[^]*the build failed/);
    expect(readFileSync(built('src/cli/main.js'), 'utf8')).toContain('42');
  });

  test('the program for kernel events is compiled with the rest, and follows its source', () => {
    write('src/observe/bpf/nsaudit.bpf.c', '#include "answer.h"\nint answer = ANSWER;\n');
    write('src/observe/bpf/answer.h', '#define ANSWER 42\n');
    const object = 'src/observe/bpf/nsaudit.bpf.o';
    expect(setUp('start').status).toBe(0);
    expect(existsSync(built(object))).toBe(hasClang);
    const before = hasClang ? readFileSync(built(object)) : null;
    write('src/observe/bpf/answer.h', '#define ANSWER 43\n');
    expect(setUp('start').said).toEqual(expect.arrayContaining(['set-up: building']));
    expect(hasClang && before?.equals(readFileSync(built(object)))).toBe(false);
  });

  test.runIf(hasClang)(
    `our programs for kernel events compile with the clang that is installed${hasClang ? '' : ' — NOT RUN: no clang'}`,
    () => {
      const source = 'src/observe/bpf';
      cpSync(join(root, source), join(project, source), { recursive: true });
      const { status, said } = setUp('start');
      expect({ status, said }).toEqual({ status: 0, said: ['set-up: building'] });
      expect(existsSync(built(join(source, 'nsaudit.bpf.o')))).toBe(true);
    },
  );

  test('a program for kernel events that does not compile costs a line, not the build', () => {
    write('src/observe/bpf/nsaudit.bpf.c', 'int answer = ;\n');
    const { status, said } = setUp('start');
    expect(status).toBe(0);
    expect(existsSync(built('src/cli/main.js'))).toBe(true);
    expect(said.some((line) => line.includes('Kernel events are off'))).toBe(hasClang);
  });

  test('without clang the build says what that costs, once, and goes on', () => {
    write('src/observe/bpf/nsaudit.bpf.c', 'int answer = 42;\n');
    const env = { PATH: join(scratch, 'nowhere') };
    const first = setUp('start', { env });
    expect(first.status).toBe(0);
    expect(first.said.filter((line) => line.includes('missing: clang'))).toEqual([
      'set-up: missing: clang (Debian package clang; there is no apt-get here). The program for kernel events cannot be compiled, so nsaudit sees only what is there when it scans procfs.',
    ]);
    expect(setUp('start', { env }).said).toEqual([]);
  });

  test('it needs neither HOME nor anything else in the environment', () => {
    const { status } = setUp('start', { env: { PATH: process.env['PATH'] } });
    expect(status).toBe(0);
  });

  test('a missing system package costs a line, not the set-up', () => {
    const { status, said } = setUp('test', { env: { PATH: join(scratch, 'nowhere') } });
    expect(status).toBe(0);
    const lsns = said.filter((line) => line.includes('lsns (Debian package util-linux'));
    expect(lsns).toEqual([
      'set-up: missing: lsns (Debian package util-linux; there is no apt-get here). The comparison with lsns cannot run.',
    ]);
    expect(said.filter((line) => line.includes('g++'))).toEqual([]);
  });

  test('a Node that is too old gets one sentence and exit 1', () => {
    const pretend = "Object.defineProperty(process,'versions',{value:{node:'20.18.3'}})";
    const { status, said } = setUp('start', {
      nodeOptions: ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`],
    });
    expect(status).toBe(1);
    expect(said).toEqual(['set-up: nsaudit needs Node 20.19 or newer, and this is 20.18.3.']);
  });

  test('an unknown purpose is refused', () => {
    expect(setUp('stop')).toMatchObject({ status: 1 });
    expect(existsSync(built('.'))).toBe(false);
  });
});

describe('gates', () => {
  test('all gates run, and one that fails is named with its output', () => {
    const scripts = { types: 'true', rooms: 'true', unused: 'true', 'format:check': 'true' };
    const lint = 'echo too long; exit 3';
    write('package.json', JSON.stringify({ scripts: { ...scripts, lint } }));
    const check = join(project, '.ci', 'check.mjs');
    const { status, stdout } = spawnSync(process.execPath, [check], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^ok {5}types /m);
    expect(stdout).toMatch(/^FAILED lint \(.*\)\ntoo long$/m);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('gates failed: npm run lint');
  });

  test('a gate without a script fails', () => {
    write('package.json', '{"scripts":{}}');
    const check = join(project, '.ci', 'check.mjs');
    expect(spawnSync(process.execPath, [check]).status).toBe(1);
  });
});
