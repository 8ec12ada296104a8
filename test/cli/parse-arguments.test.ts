import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../src/cli/parse-arguments.ts';

function parse(...words: string[]) {
  const line = parseCommandLine(words);
  if (line.kind !== 'command') {
    throw new Error(`expected a command, got ${line.kind}`);
  }
  return line;
}

describe('parsing of command lines', () => {
  test.each([
    [['state', '-o', 'json']],
    [['state', '-ojson']],
    [['state', '--output', 'json']],
    [['state', '--output=json']],
    [['-o', 'json', 'state']],
    [['state', '-qojson']],
    [['state', '-o', 'csv', '-o', 'json']],
  ])('%j asks for json', (words) => {
    const { command, options } = parse(...words);
    expect(command).toBe('state');
    expect(options.text('output')).toBe('json');
  });

  test('a short option takes its value without a space', () => {
    expect(parse('state', '-n5').options.text('limit')).toBe('5');
  });

  test('a value may begin with a dash, as relative times do', () => {
    const { options } = parse('events', '-S', '-2h', '--until', '-1h', '-n3');
    expect(options.text('since')).toBe('-2h');
    expect(options.text('until')).toBe('-1h');
    expect(options.text('limit')).toBe('3');
  });

  test('a repeated option keeps every value in order', () => {
    const { options, operands } = parse('query', '-p', 'a=1', 'leaks', '-pb=2', '--param=c=3=4');
    expect(options.list('param')).toEqual(['a=1', 'b=2', 'c=3=4']);
    expect(operands).toEqual(['leaks']);
  });

  test('after -- everything is an operand', () => {
    expect(parse('backup', '--', '--help').operands).toEqual(['--help']);
  });

  test('a switch that is not given is absent, one that is given is present', () => {
    const { options } = parse('state', '--all');
    expect(options.has('all')).toBe(true);
    expect(options.has('quiet')).toBe(false);
    expect(options.text('limit')).toBeUndefined();
  });

  test.each([
    [['--help'], { kind: 'help', command: null }],
    [['-h'], { kind: 'help', command: null }],
    [['help'], { kind: 'help', command: null }],
    [['help', 'state'], { kind: 'help', command: 'state' }],
    [['state', '--help'], { kind: 'help', command: 'state' }],
    [['history', '-h'], { kind: 'help', command: 'history' }],
    [['--version'], { kind: 'version' }],
    [['-V'], { kind: 'version' }],
  ])('%j is %j', (words, expected) => {
    expect(parseCommandLine(words)).toEqual(expected);
  });
});

describe('a wrong command line is refused with a sentence', () => {
  test.each([
    [[], 'no command given: nsaudit --help lists the commands.'],
    [['stat'], 'unknown command "stat"; did you mean state?'],
    [['archive'], 'unknown command "archive"; nsaudit --help lists the commands.'],
    [['help', 'evnets'], 'unknown command "evnets"; did you mean events?'],
    [['state', '--outptu', 'json'], 'unknown option --outptu; did you mean --output?'],
    [['state', '--xyzzy'], 'unknown option --xyzzy; nsaudit --help lists the options.'],
    [['state', '-2h'], 'unknown option -2; nsaudit --help lists the options.'],
    [['state', '--follow'], 'option --follow is not one of state: it belongs to events.'],
    [['state', '--limit'], 'option --limit needs a value: --limit N.'],
    [['state', '-n'], 'option -n needs a value: -n N.'],
    [['events', '--since', '--until', 'now'], 'option --since needs a value: --since TIME.'],
    [['state', '--all=yes'], 'option --all takes no value, but got "yes".'],
    [['history'], 'history needs TARGET: nsaudit history TARGET.'],
    [['state', 'now'], 'state takes no operand, so "now" is one word too many.'],
    [['process', '1', '2'], 'process takes only PID, so "2" is one word too many.'],
  ])('%j: %s', (words, message) => {
    expect(() => parseCommandLine(words)).toThrow(
      expect.objectContaining({ code: 'usage', message }),
    );
  });
});
