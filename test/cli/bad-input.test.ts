/**
 * Malformed input of every kind: exit 2, nothing on stdout, and one line that names the value and what
 * is accepted instead. None of it needs a record, so none of it may look for one first.
 */
import { describe, expect, test } from 'vitest';
import type { History } from '../../src/history/history.ts';
import { buildFakeHistory } from '../support/fake-history.ts';
import { runWords } from './run-words.ts';

type BadInput = readonly [words: readonly string[], names: string, accepted: string];

const TARGETS: readonly BadInput[] = [
  'blue',
  '',
  '0',
  '-1',
  '4294967296',
  'net:[]',
  'net:[x]',
  'nett:[4026532268]',
  '[4026532268]',
  ':',
  ':0',
  ':18446744073709551616',
  '#',
  '#x',
  '#-1',
  '/',
  '4026532268 ',
].map((text) => [['history', '--', text], `"${text}"`, '#734112 (lifespan)'] as const);

const TIMES: readonly BadInput[] = [
  'noon',
  '11/22/2026',
  '2026-13-01',
  '2026-02-30 10:00',
  '25:00',
  '5 fortnights ago',
  '-2',
  '@',
  'seq:x',
].flatMap((text) => [
  [['state', `--at=${text}`], `--at: cannot read the time "${text}"`, '-2h'] as const,
  [['events', '-S', text], `--since: cannot read the time "${text}"`, 'yesterday'] as const,
]);

const OTHERS: readonly BadInput[] = [
  [['state', '--type', 'ne'], '--type: "ne"', 'cgroup, ipc, mnt, net, pid, time, user, uts'],
  [['state', '--type', 'net,'], '--type: ""', 'cgroup, ipc'],
  [['timeline', '-t', 'NET'], '--type: "NET"', 'cgroup, ipc'],
  [['state', '-n', '0'], '--limit: limit "0"', 'from 1 to 1000'],
  [['state', '-n', '1001'], '--limit: limit "1001"', 'from 1 to 1000'],
  [['state', '-n', '1e3'], '--limit: limit "1e3"', 'from 1 to 1000'],
  [['state', '--limit='], '--limit: limit ""', 'from 1 to 1000'],
  [['events', '--after', 'x'], '--after: log position "x"', 'at least 0'],
  [['events', '--after=-1'], '--after: log position "-1"', 'at least 0'],
  [['process', 'self'], 'pid "self"', 'from 1 to 2147483647'],
  [['process', '0'], 'pid "0"', 'from 1 to 2147483647'],
  [['state', '-o', 'xml'], '--output: "xml"', 'table, json, ndjson, csv, markdown'],
  [['state', '-o', 'jsn'], '--output: "jsn"', 'did you mean json?'],
  [['verify', '-o', 'csv'], '--output: "csv"', 'table, json'],
  [['state', '--fields', 'inum,uid'], '--fields: "uid"', 'creator.uid'],
  [['state', '--fields', 'bron'], '--fields: "bron"', 'did you mean born?'],
  [['state', '--fields='], '--fields: ""', 'lifespan, host, boot'],
  [['holders', '#1', '--at', 'now', '-S', '-1h'], '--at', '--since and --until'],
  [['events', '-f', '-o', 'json'], 'json', 'ndjson'],
  [['events', '-f', '-U', 'now'], '--until', '--follow'],
  [['query', '-p', 'x=1'], '-p', 'nsaudit query NAME -p KEY=VALUE'],
  [['query', 'leaks', '-p', 'x'], '"x"', 'NAME=VALUE'],
  [['query', 'leaks', '-p', '=1'], '"=1"', 'NAME=VALUE'],
  [['report', 'leak'], '"leak"', 'did you mean leaks?'],
  [
    ['report', 'everything'],
    '"everything"',
    'summary, leaks, short-lived, creators, intrusions, coverage',
  ],
  [['collect', '--profile', 'ebpf'], '--profile: "ebpf"', 'auto, trampoline, tracepoint, procfs'],
  [['collect', '--scan-interval', '5'], '--scan-interval: "5"', '500ms'],
  [['collect', '--scan-interval', '1ms'], '--scan-interval: "1ms"', 'between 10 ms and 3600 s'],
  [['collect', '--for', 'ever'], '--for: "ever"', '1h 30min'],
  [['collect', '--once', '--for', '1s'], '--once', '--for'],
  [['collect', '--initial-holders', 'all'], '--initial-holders: "all"', 'count, full'],
  [['serve', '--listen', '8080'], '"8080"', 'unix:PATH'],
  [['serve', '--listen', '127.0.0.1:99999'], '"127.0.0.1:99999"', 'unix:PATH'],
  [['serve', '--listen', '0.0.0.0:80'], '"0.0.0.0:80"', '127.0.0.1'],
  [['serve', '--listen', '127.0.0.1:8080'], '127.0.0.1:8080', '--token-file FILE'],
  [['start', '--listen', 'unix:/tmp/x'], 'unix:/tmp/x', 'HOST:PORT'],
  [['state', '--state-dir='], '--state-dir', 'name a directory'],
];

/** Asking it anything means that a mistake was not found before the record was opened. */
function forbiddenHistory(): History {
  return new Proxy(buildFakeHistory(), {
    get: (_history, property) => {
      throw new Error(`asked for ${String(property)} although the command line was wrong`);
    },
  });
}

describe('malformed input is a usage error that names the value and the accepted forms', () => {
  test.each([...TARGETS, ...TIMES, ...OTHERS])('%j', async (words, names, accepted) => {
    const { status, stdout, stderr } = await runWords(words, { history: forbiddenHistory() });
    expect(stderr).toMatch(/^nsaudit: [^\n]+\n$/);
    expect(stderr).toContain(names);
    expect(stderr).toContain(accepted);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  test.each([
    [['state', '--cursor', 'x'], 'the cursor "x"'],
    [['query', 'leaky'], 'there is no query "leaky"'],
    [['query', 'short-lived', '-p', 'sinse=-1d'], 'it takes since'],
    [['query', 'short-lived', '--fields', 'uid'], 'The fields are inum.'],
  ])('%j is found out by the record', async (words, message) => {
    const { status, stdout, stderr } = await runWords(words, { history: buildFakeHistory() });
    expect(stderr).toMatch(/^nsaudit: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});
