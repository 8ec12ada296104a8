/**
 * What holds for the repository as a whole: rooms, sizes, literals, pinned versions, portability.
 *
 * The room rules are run through the gate itself (.ci/check-rooms.mjs), once over this tree and once
 * over a planted tree that breaks every rule, so that a gate which sees nothing cannot pass.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const root = resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-architecture-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const generatedFolders = new Set(['node_modules', 'dist', '.dist-building', '.git', 'coverage']);

/** Every file of the repository that is not generated, relative to its root. */
function listFiles(directory = root): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return generatedFolders.has(entry.name) ? [] : listFiles(path);
    // In a linked working tree .git is a file.
    return entry.isFile() && !/^[.]git$|[.]db(-wal|-shm)?$/.test(entry.name)
      ? [relative(root, path)]
      : [];
  });
}

function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

const files = listFiles();
const sourceFiles = files.filter((path) => /^src\/.*[.]ts$/.test(path));
const codeFiles = files.filter((path) => /[.](ts|mjs)$/.test(path));

function lineCount(path: string): number {
  return readText(path).split('\n').length - 1;
}

/** The text of every string and template literal, with its line. */
function listLiterals(path: string, text = readText(path)): { line: number; text: string }[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const found: { line: number; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push({ line: line + 1, text: node.text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Where a file spells the procfs root out: `/proc` as a path of its own or as the start of one. */
function findProcLiterals(path: string, text?: string): string[] {
  return listLiterals(path, text)
    .filter((literal) => /(?<!\w)\/proc(?![\w-])/.test(literal.text))
    .map((literal) => `${path}:${literal.line}`);
}

function checkRooms(directory: string): {
  status: number | null;
  problems: string;
  summary: string;
} {
  const gate = join(root, '.ci', 'check-rooms.mjs');
  const result = spawnSync(process.execPath, [gate, directory], { encoding: 'utf8' });
  return { status: result.status, problems: result.stderr, summary: result.stdout };
}

/** Writes a tree with stub packages, so that imports of packages resolve as in the real one. */
function plantTree(name: string, contents: Record<string, string>): string {
  const directory = join(scratch, name);
  const packages = ['better-sqlite3', 'koffi', 'kysely', 'vitest', 'zod'];
  const stubs = packages.flatMap((stub) => [
    [`node_modules/${stub}/package.json`, JSON.stringify({ name: stub, main: 'index.js' })],
    [`node_modules/${stub}/index.js`, 'exports.stub = true;\n'],
  ]);
  const manifest = { dependencies: { koffi: '1.0.0' }, devDependencies: { vitest: '1.0.0' } };
  const all = { ...contents, 'package.json': JSON.stringify(manifest) };
  for (const [path, text] of [...stubs, ...Object.entries(all)] as [string, string][]) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

describe('rooms', () => {
  test('every source file is looked at and keeps to the room table', { timeout: 60_000 }, () => {
    const { status, problems, summary } = checkRooms(root);
    expect(problems).toBe('');
    expect(status).toBe(0);
    const moduleCount = Number(/^rooms: (\d+) modules/.exec(summary)?.[1]);
    const expected = codeFiles.filter((path) => /^(src|migrations|test)\/.*[.]ts$/.test(path));
    expect(moduleCount).toBeGreaterThan(0);
    expect(moduleCount).toBe(expected.length);
  });

  const planted: [rule: string, path: string, text: string][] = [
    ['domain-is-pure', 'src/domain/clock.ts', "import 'node:fs';"],
    ['domain-reaches-too-far', 'src/domain/leak.ts', "import type { S } from '../store/store.ts';"],
    ['observe-reaches-too-far', 'src/observe/leak.ts', "import '../store/store.ts';"],
    ['store-reaches-too-far', 'src/store/leak.ts', "import '../projections/fold.ts';"],
    ['projections-reaches-too-far', 'src/projections/leak.ts', "import '../history/ask.ts';"],
    ['history-reaches-too-far', 'src/history/leak.ts', "import '../projections/fold.ts';"],
    ['collector-reaches-too-far', 'src/collector/leak.ts', "import '../history/ask.ts';"],
    ['api-reaches-too-far', 'src/api/leak.ts', "import type { S } from '../store/store.ts';"],
    [
      'migrations-are-frozen',
      'migrations/0001.ts',
      "import type { S } from '../src/store/store.ts';",
    ],
    ['nobody-imports-cli', 'src/collector/upwards.ts', "import '../cli/command.ts';"],
    [
      'database-handles-stay-in-their-rooms',
      'src/api/sql.ts',
      "import type D from 'better-sqlite3';",
    ],
    ['api-never-loads-kernel-access', 'src/api/through.ts', "import '../history/kernel.ts';"],
    ['kernel-access-stays-in-observe', 'src/history/kernel.ts', "import 'koffi';"],
    ['not-to-dev-dependency', 'src/observe/tool.ts', "import 'vitest';"],
    ['every-room-is-in-the-table', 'src/cellar/wine.ts', "import '../domain/leak.ts';"],
    [
      'no-circular',
      'src/history/answer.ts',
      "import type { A } from './ask.ts'; export type B = A;",
    ],
  ];
  const innocent = {
    'src/store/store.ts': "import 'better-sqlite3'; import 'kysely'; export type S = 1;",
    'src/projections/fold.ts': "import '../store/store.ts';",
    'src/history/ask.ts': "import type { B } from './answer.ts'; export type A = B;",
    'src/cli/command.ts': "import '../collector/leak.ts'; import 'better-sqlite3';",
    'src/observe/kernel.ts': "import 'koffi'; import 'node:fs';",
    'src/domain/event.ts': "import { z } from 'zod'; export const event = z;",
  };

  test('a planted violation of each rule is caught, and innocent files are not blamed', () => {
    const guilty = Object.fromEntries(planted.map(([, path, text]) => [path, text]));
    const { status, problems } = checkRooms(plantTree('guilty', { ...innocent, ...guilty }));
    expect(status).toBe(1);
    for (const [rule, path] of planted) expect(problems).toContain(`${rule}: ${path} -> `);
    for (const path of Object.keys(innocent)) {
      expect(problems).not.toContain(`: ${path} -> `);
    }
  });

  test('a tree without source files is refused, not passed', () => {
    const { status, problems } = checkRooms(plantTree('empty', { 'src/readme.txt': 'nothing\n' }));
    expect(status).toBe(1);
    expect(problems).toContain('no source files found');
  });
});

describe('sizes', () => {
  test('no file passes 400 lines', () => {
    expect(codeFiles.filter((path) => lineCount(path) > 400)).toEqual([]);
  });

  test('nine source files in ten stay within 220 lines', () => {
    const long = sourceFiles.filter((path) => lineCount(path) > 220);
    expect(long.length, long.join(', ')).toBeLessThanOrEqual(sourceFiles.length / 10);
  });
});

describe('literals', () => {
  test('only src/cli spells out where procfs is mounted', () => {
    const below = sourceFiles.filter((path) => !path.startsWith('src/cli/'));
    expect(below.flatMap((path) => findProcLiterals(path))).toEqual([]);
  });

  test('a spelled-out procfs path is found in any kind of literal, and only there', () => {
    const text = [
      "const a = '/proc';",
      'const b = `/proc/${a}/ns`;',
      'const c = `${a}: see /proc/self`;',
      "const d = ['/processes', 'x/procfs', `${a}/proc-root`]; // '/proc'",
    ].join('\n');
    expect(findProcLiterals('planted.ts', text)).toEqual([
      'planted.ts:1',
      'planted.ts:2',
      'planted.ts:3',
    ]);
  });
});

const dependencyListSchema = z.record(z.string(), z.string()).default({});
const manifestSchema = z.object({
  dependencies: dependencyListSchema,
  devDependencies: dependencyListSchema,
  allowScripts: z.record(z.string(), z.boolean()).default({}),
});
const lockedPackageSchema = z.object({
  version: z.string().optional(),
  resolved: z.string().optional(),
  hasInstallScript: z.boolean().optional(),
  optional: z.boolean().optional(),
  optionalDependencies: dependencyListSchema,
});
const lockfileSchema = z.object({ packages: z.record(z.string(), lockedPackageSchema) });

describe('packages', () => {
  const manifest = manifestSchema.parse(JSON.parse(readText('package.json')));
  const { packages } = lockfileSchema.parse(JSON.parse(readText('package-lock.json')));
  const direct = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });

  test('every version in package.json is exact and is the locked one', () => {
    expect(direct.length).toBeGreaterThan(0);
    for (const [name, version] of direct) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  test('the lockfile names no registry', () => {
    const resolved = Object.entries(packages).filter(([, locked]) => locked.resolved !== undefined);
    expect(resolved).toEqual([]);
    expect(readText('package-lock.json')).not.toMatch(/https?:\/\/[^"]*(registry|[.]tgz)/);
  });

  // Without this `npm ci` refuses. A lockfile written from a registry that lacks the packages of some
  // platforms is silently incomplete; such entries may stand without an integrity hash.
  test('every package for another platform is locked too', () => {
    const names = new Set(
      Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')),
    );
    const wanted = Object.values(packages).flatMap((locked) =>
      Object.keys(locked.optionalDependencies),
    );
    expect(wanted.length).toBeGreaterThan(0);
    expect(wanted.filter((name) => !names.has(name))).toEqual([]);
  });

  test('every package that runs an install script is allowed to by name', () => {
    const scripted = Object.entries(packages)
      .filter(([, locked]) => locked.hasInstallScript === true && locked.optional !== true)
      .map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect(scripted.toSorted()).toEqual(Object.keys(manifest.allowScripts).toSorted());
  });
});

describe('portability', () => {
  const folders = ['work', 'root'].join('|');
  const machinePath = new RegExp(`(?:^|[\\s"'\`=:(,<])/(?:${folders})/`, 'm');

  test('no file names a path of one machine', () => {
    expect(machinePath.test(`see /${'work'}/main/x`)).toBe(true);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((path) => machinePath.test(readText(path)))).toEqual([]);
  });

  test('the launcher works from a link and from any directory', () => {
    const bin = join(scratch, 'launcher');
    mkdirSync(join(bin, 'dist', 'src', 'cli'), { recursive: true });
    cpSync(join(root, 'nsaudit'), join(bin, 'nsaudit'));
    writeFileSync(join(bin, 'dist', 'src', 'cli', 'main.js'), 'process.stdout.write("ran");\n');
    const result = spawnSync(join(bin, 'nsaudit'), [], { cwd: '/', encoding: 'utf8' });
    expect(result.stdout).toBe('ran');
  });
});
