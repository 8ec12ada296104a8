/** Runs real vitest on planted test files: what the closing line says of them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');
const scratch = mkdtempSync(join(tmpdir(), 'nsaudit-closing-line-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const config = `
  import { ClosingLineReporter } from ${JSON.stringify(join(import.meta.dirname, 'closing-line-reporter.ts'))};
  export default { test: { include: ['*.test.ts'], reporters: ['default', new ClosingLineReporter()] } };
`;
const header = "import { beforeAll, describe, expect, test } from 'vitest';\n";

function runPlanted(name: string, testFiles: Record<string, string>): string | undefined {
  const directory = join(scratch, name);
  mkdirSync(directory);
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(join(directory, 'vitest.config.ts'), config);
  for (const [file, text] of Object.entries(testFiles)) {
    writeFileSync(join(directory, file), header + text);
  }
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const { stdout } = spawnSync(process.execPath, [vitest, 'run'], {
    cwd: directory,
    encoding: 'utf8',
  });
  return stdout.trimEnd().split('\n').at(-1);
}

test('a clean run ends with the number passed and no failures', { timeout: 60_000 }, () => {
  const line = runPlanted('clean', { 'a.test.ts': "test('a', () => expect(1).toBe(1));" });
  expect(line).toBe('1 passed, 0 failed');
});

test(
  'failed tests, broken files, broken hooks and stray errors all count as failed',
  { timeout: 60_000 },
  () => {
    const line = runPlanted('broken', {
      'passes.test.ts': "test('a', () => {}); test.skip('later', () => {});",
      'fails.test.ts': "test('a', () => expect(1).toBe(2));",
      'does-not-load.test.ts': "import './absent.ts'; test('never', () => {});",
      'hook.test.ts':
        "describe('s', () => { beforeAll(() => { throw new Error('x'); }); test('a', () => {}); });",
      'stray.test.ts':
        "test('a', async () => { setTimeout(() => { throw new Error('x'); }, 1); await new Promise((done) => setTimeout(done, 50)); });",
    });
    expect(line).toBe('2 passed, 4 failed, 2 skipped');
  },
);
