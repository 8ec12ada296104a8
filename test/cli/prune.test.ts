/** Pruning on the command line: what it asks for, what it refuses, and what is answered afterwards. */
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/domain/event.ts';
import { openScribe } from '../store/checkpoints.ts';
import { snapshot, writeLog } from '../store/disk.ts';
import { makeEvents } from '../store/numbered-events.ts';
import { at, Auditor, process } from '../support/scan-builder.ts';
import { createAppender, openTestLog, Scratch, writeState } from '../support/state-on-disk.ts';
import { runWords } from './run-words.ts';

const NET = 4_026_532_268;
const GONE = 4_026_532_269;

function wall(second: number): string {
  return new Date(at(second) / 1_000).toISOString();
}

/** One network namespace that goes on, and one that ends before second 20. */
async function record(directory: string): Promise<void> {
  const auditor = new Auditor();
  const stays = process(50, { net: NET });
  for (let second = 10; second < 80; second += 1) {
    const others = [process(2), ...(second > 11 ? [stays] : [])];
    const goes = second > 12 && second < 16 ? [process(60, { net: GONE })] : [];
    auditor.scan({ second, processes: [...others, ...goes] });
  }
  await writeState(directory, byInstant(auditor.log));
}

/** One batch for each instant, as a collector makes one for each scan. */
function byInstant(events: readonly AuditEvent[]): AuditEvent[][] {
  const batches: AuditEvent[][] = [];
  for (const event of events) {
    const last = batches.at(-1);
    if (last?.[0]?.at === event.at) {
      last.push(event);
    } else {
      batches.push([event]);
    }
  }
  return batches;
}

interface Row {
  readonly inum: number;
  readonly lifespan: string;
}

interface Answer {
  readonly coverage: { readonly state: string; readonly gaps: readonly { reason: string }[] };
  readonly data: readonly Row[];
}

async function ask(directory: string, ...words: readonly string[]): Promise<Answer> {
  const { stdout } = await runWords([...words, '--state-dir', directory, '-o', 'json', '-q']);
  const { position: _position, ...answer } = JSON.parse(stdout) as Answer & { position: number };
  return answer;
}

function prune(directory: string, ...words: readonly string[]) {
  return runWords(['prune', '--state-dir', directory, ...words]);
}

describe('what is answered after a pruning', () => {
  test('about retained times: the same; about earlier ones: that they are pruned, never no', async () => {
    using scratch = new Scratch();
    await record(scratch.path);
    const retained = [
      ['state', '--at', wall(30)],
      ['history', String(NET), '-S', wall(25)],
      ['holders', String(NET), '--at', wall(30)],
      ['process', '50', '--at', wall(30)],
      ['timeline', '-S', wall(25), '-U', wall(35)],
    ];
    const before = await Promise.all(retained.map((words) => ask(scratch.path, ...words)));
    const early = await ask(scratch.path, 'state', '--at', wall(14));
    expect(early.data.map(({ inum }) => inum)).toContain(GONE);
    const gone = early.data.find(({ inum }) => inum === GONE)?.lifespan ?? '';

    const removal = ['--before', wall(20), '--without-witness', '--yes', '-o', 'json'];
    const { status, stdout } = await prune(scratch.path, ...removal);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ isDryRun: false, firstSeq: 1, compactError: null });

    const after = await Promise.all(retained.map((words) => ask(scratch.path, ...words)));
    expect(after).toEqual(before);
    const then = await ask(scratch.path, 'state', '--at', wall(14));
    expect(then.coverage).toMatchObject({ state: 'not-watched', gaps: [{ reason: 'pruned' }] });
    const lives = await ask(scratch.path, 'history', String(GONE));
    expect(lives.coverage).toMatchObject({ state: 'partly-watched', gaps: [{ reason: 'pruned' }] });
    const strict = await runWords([
      'history',
      String(GONE),
      '--strict',
      '--state-dir',
      scratch.path,
    ]);
    expect(strict.status).toBe(3);
    expect(strict.stderr).toContain('pruned from the log: ');
    for (const removed of [
      ['history', `#${gone}`],
      ['events', '--after', '3'],
      ['state', '--at', 'seq:3'],
    ]) {
      const answer = await runWords([...removed, '--state-dir', scratch.path]);
      expect(answer).toMatchObject({ status: 5, stdout: '' });
      expect(answer.stderr).toMatch(/events 1 to \d+ have been pruned/);
    }
    const { data } = await ask(scratch.path, 'events');
    expect(data.at(-1)).toMatchObject({ event: 'log.pruned', firstSeq: 1 });
  });

  test('about everything that had ended by a retained time in the same boot: from when on that is known', async () => {
    using scratch = new Scratch();
    await record(scratch.path);
    const all = ['state', '--all', '--type', 'net', '--at', wall(30)];
    const before = await ask(scratch.path, ...all);
    expect(before.coverage).toMatchObject({ state: 'watched', gaps: [] });
    expect(before.data.map(({ inum }) => inum)).toContain(GONE);
    await prune(scratch.path, '--before', wall(20), '--without-witness', '--yes');
    const after = await ask(scratch.path, ...all);
    expect(after.data.map(({ inum }) => inum)).not.toContain(GONE);
    expect(after.coverage).toMatchObject({ state: 'watched', gaps: [{ reason: 'pruned' }] });
    const early = await ask(scratch.path, ...all.slice(0, -1), wall(14));
    expect(early.coverage).toMatchObject({ state: 'not-watched', gaps: [{ reason: 'pruned' }] });
    for (const [words, status] of [
      [all, 3],
      [all.filter((word) => word !== '--all'), 0],
    ] as const) {
      const strict = await runWords([...words, '--strict', '--state-dir', scratch.path]);
      expect(strict.status).toBe(status);
      expect(strict.stderr.includes('what ended then is not known any more')).toBe(status === 3);
    }
  });

  test('from the oldest event on, when nobody names one', async () => {
    using scratch = new Scratch();
    await record(scratch.path);
    await prune(scratch.path, '--before', 'seq:30', '--without-witness', '--yes');
    const { data } = await ask(scratch.path, 'events', '--after', '0', '-n', '1');
    const [{ seq } = { seq: 0 }] = data as unknown as { seq: number }[];
    expect(seq).toBeGreaterThan(1);
    expect(seq).toBeLessThanOrEqual(30);
  });
});

describe('what is refused changes nothing', () => {
  const REFUSED: readonly (readonly [words: readonly string[], status: number, says: RegExp])[] = [
    [[], 2, /say what to remove/],
    [['--before', 'now'], 2, /cannot be brought back/],
    [['--before', 'now', '--yes', '--dry-run'], 2, /cannot be brought back/],
    [['--vacuum-size', 'much', '--yes'], 2, /"much" is no size/],
    [['--before', 'now', '--yes'], 3, /nobody outside vouches for events up to 4/],
  ];

  test.each(REFUSED)('%j: exit %i', async (words, status, says) => {
    using scratch = new Scratch();
    await writeLog(scratch.path, [3, 1, 4]);
    const before = snapshot(scratch.join('log.db'));
    const answer = await prune(scratch.path, ...words);
    expect(answer).toMatchObject({ status, stdout: '' });
    expect(answer.stderr).toMatch(says);
    expect(snapshot(scratch.join('log.db'))).toEqual(before);
  });

  test('while a collector runs: exit 75, who holds the log is named, and a look is allowed', async () => {
    using scratch = new Scratch();
    const log = await openTestLog(scratch.path);
    const append = createAppender(log);
    append(makeEvents(1, 3));
    append(makeEvents(4, 1));
    const words = ['--before', 'now', '--without-witness'];
    const answer = await prune(scratch.path, ...words, '--yes');
    expect(answer.status).toBe(75);
    expect(answer.stderr).toMatch(/is held by process \d+ \(collector, since /);
    const look = await prune(scratch.path, ...words, '--dry-run', '-o', 'json');
    expect(JSON.parse(look.stdout)).toMatchObject({ isDryRun: true, lastSeq: 3 });
    expect(log.reader.firstSeq()).toBe(1);
    log.close();
  });
});

test('what a witness vouches for is removed, and no more', async () => {
  using scratch = new Scratch();
  const { log, witness, write, publish } = await openScribe(scratch.path);
  write(10);
  write(10);
  publish({ isCosigned: true });
  write(10);
  write(10);
  log.close();
  const key = ['--witness-key', witness.verifier.text, '--yes', '-o', 'json'];
  const tooMuch = await prune(scratch.path, '--before', 'seq:32', ...key);
  expect(tooMuch.status).toBe(3);
  expect(tooMuch.stderr).toMatch(/up to 31: the newest does up to event 20/);
  const { status, stdout } = await prune(scratch.path, '--before', 'seq:21', ...key);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ firstSeq: 1, lastSeq: 20, witnessedSize: 20 });
  const verify = ['verify', '--state-dir', scratch.path, '-o', 'json'];
  const verified = await runWords([...verify, '--witness-key', witness.verifier.text]);
  expect(JSON.parse(verified.stdout)).toMatchObject({ verdict: 'verified', witness: { size: 20 } });
});
