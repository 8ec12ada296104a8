/**
 * What every question prints in every format, compared with files in golden/. After a change on purpose:
 * `npx vitest run -u test/cli/golden.test.ts`, and read the difference.
 */
import { describe, expect, test } from 'vitest';
import { OUTPUT_FORMATS } from '../../src/cli/options.ts';
import { runWords } from './run-words.ts';
import { buildSampleHistory } from './sample-answers.ts';

const QUESTIONS: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['state', ['state']],
  ['history', ['history', '4026532268']],
  ['life', ['history', '#734112']],
  ['holders', ['holders', '#12']],
  ['process', ['process', '4711']],
  ['timeline', ['timeline']],
  ['coverage', ['coverage']],
  ['events', ['events']],
  ['queries', ['query']],
  ['query', ['query', 'short-lived']],
  ['report', ['report', 'summary']],
];

describe('answers in every format are those of the golden files', () => {
  const cases = QUESTIONS.flatMap(([name, words]) =>
    OUTPUT_FORMATS.map((format) => ({ name, words, format })),
  );
  test.each(cases)('$name as $format', async ({ name, words, format }) => {
    const world = { history: buildSampleHistory() };
    const { status, stdout, stderr } = await runWords([...words, '-o', format], world);
    expect(status).toBe(0);
    const remarks = stderr === '' ? '' : `--- stderr\n${stderr}`;
    await expect(`${stdout}${remarks}`).toMatchFileSnapshot(`golden/${name}.${format}.txt`);
  });
});

describe('whatever a process chose to be called', () => {
  test.each(QUESTIONS)('%s shows it escaped in tables', async (_name, words) => {
    for (const format of ['table', 'markdown']) {
      const { stdout, stderr } = await runWords([...words, '-o', format], {
        history: buildSampleHistory(),
      });
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(stderr.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });
});
