import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { EXIT_STATUS } from '../../src/cli/exit-status.ts';
import type { OptionDescription } from '../../src/cli/option.ts';
import { OPTIONS } from '../../src/cli/options.ts';
import { runWords } from './run-words.ts';

const options: readonly OptionDescription[] = OPTIONS;

async function helpOf(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await runWords([...words, '--help']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

describe('the program help', () => {
  test('names every command with its summary', async () => {
    const help = (await helpOf()).replaceAll(/\s+/g, ' ');
    for (const { name, operands, summary } of COMMANDS) {
      expect(help).toContain(`${[name, ...operands].join(' ')} ${summary}`);
    }
  });

  test('lists every exit status', async () => {
    const help = await helpOf();
    for (const status of Object.values(EXIT_STATUS)) {
      expect(help).toMatch(new RegExp(`^  ${status}  `, 'm'));
    }
  });
});

describe('the help of a command', () => {
  test.each(COMMANDS)('$name: every option it takes, and examples that parse', async (command) => {
    const help = await helpOf(command.name);
    const own = options.filter(({ commands }) => commands.includes(command.name));
    for (const { name, short, argument } of own) {
      expect(help).toContain(`--${name}${argument === null ? '' : ` ${argument}`}`);
      expect(short === null || help.includes(`-${short}, --${name}`)).toBe(true);
    }
    const others = options.filter(
      ({ commands }) => commands.length > 0 && !commands.includes(command.name),
    );
    for (const { name } of others) {
      expect(help).not.toMatch(new RegExp(`^ +(-., )?--${name}(?![\\w-])`, 'm'));
    }
  });

  test('every line fits into 80 columns, but for examples and long words', async () => {
    for (const { name } of COMMANDS) {
      const [text = ''] = (await helpOf(name)).split('Examples:');
      const long = text.split('\n').filter((line) => line.length > 80);
      expect(long.filter((line) => line.trim().includes(' '))).toEqual([]);
    }
  });
});

test('every option is in some help', async () => {
  const texts = [await helpOf()];
  for (const { name } of COMMANDS) {
    texts.push(await helpOf(name));
  }
  const all = texts.join('\n');
  for (const { name } of options) {
    expect(all).toContain(`--${name}`);
  }
});

test('no two options share a name or a short form', () => {
  const spellings = options.flatMap(({ name, short }) => (short === null ? [name] : [name, short]));
  expect(new Set(spellings).size).toBe(spellings.length);
});
