import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listInstalledPackages } from './installed-packages.ts';

const root = mkdtempSync(join(tmpdir(), 'nsaudit-packages-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const packages = {
  '': { dependencies: { a: '1' }, devDependencies: { runner: '1', linter: '1' } },
  'node_modules/a': { dependencies: { shared: '2' } },
  'node_modules/a/node_modules/shared': {},
  'node_modules/shared': { dependencies: { a: '1' } },
  'node_modules/runner': {
    dependencies: { shared: '1' },
    optionalDependencies: { 'other-platform': '1' },
  },
  'node_modules/other-platform': {},
  'node_modules/linter': {},
};

beforeAll(() => {
  for (const path of Object.keys(packages).filter((each) => !each.includes('other-platform'))) {
    mkdirSync(join(root, path), { recursive: true });
  }
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }));
});

test('each package brings the copy of its dependencies that Node would find for it, and nothing else', () => {
  expect(listInstalledPackages(root, [])).toEqual([
    'node_modules/a',
    'node_modules/a/node_modules/shared',
  ]);
});

test('asking for one development package leaves the others out, and what is not installed here', () => {
  expect(listInstalledPackages(root, ['runner'])).toEqual([
    'node_modules/a',
    'node_modules/a/node_modules/shared',
    'node_modules/runner',
    'node_modules/shared',
  ]);
});
