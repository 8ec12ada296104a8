/**
 * The room gate: runs the rules of .dependency-cruiser.mjs over src, migrations and test.
 *
 *   node .ci/check-rooms.mjs [directory]
 *
 * A dependency-cruiser that cannot parse TypeScript (it needs one whose API it knows) finds no
 * modules, hence no violations, and is content. So a run also fails unless it saw every source file.
 */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { cruise } from 'dependency-cruiser';
import config from '../.dependency-cruiser.mjs';

const folders = ['src', 'migrations', 'test'];

/** @param {string} root */
function listSourceFiles(root) {
  return folders
    .filter((folder) => existsSync(resolve(root, folder)))
    .flatMap((folder) =>
      readdirSync(resolve(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => `${folder}/${path}`),
    );
}

/** @param {import('dependency-cruiser').IViolation} violation */
function describe(violation) {
  const rule = config.forbidden.find(({ name }) => name === violation.rule.name);
  const path = violation.cycle?.map(({ name }) => name).join(' -> ') ?? violation.to;
  return `${violation.rule.name}: ${violation.from} -> ${path}\n    ${rule?.comment ?? ''}`;
}

/** @param {string} root */
async function checkRooms(root) {
  process.chdir(root);
  const expected = listSourceFiles(root);
  const { output } = await cruise(
    folders.filter((folder) => existsSync(folder)),
    { ...config.options, ruleSet: { forbidden: config.forbidden }, validate: true },
    config.options.enhancedResolveOptions,
  );
  if (typeof output === 'string') throw new TypeError('dependency-cruiser gave no result');
  const cruised = new Set(output.modules.map(({ source }) => source));
  const missed = expected.filter((path) => !cruised.has(path));
  const problems = output.summary.violations.map(describe);
  if (expected.length === 0) problems.push(`no source files found in ${folders.join(', ')}`);
  if (missed.length > 0) {
    problems.push(
      `${missed.length} of ${expected.length} source files were not looked at, first ${missed[0]}. ` +
        'Is the typescript version one that dependency-cruiser supports?',
    );
  }
  return { moduleCount: expected.length - missed.length, problems };
}

const { moduleCount, problems } = await checkRooms(resolve(process.argv[2] ?? '.'));
for (const problem of problems) console.error(problem);
console.log(`rooms: ${moduleCount} modules, ${problems.length} problems`);
if (problems.length > 0) process.exitCode = 1;
