/**
 * A pruning that is killed leaves the old log or the new one, and either verifies and goes on.
 *
 * Method: a real process prunes a copy of one log and is killed (SIGKILL) after a random part of the time that
 *         it takes when nobody kills it.
 */
import { cpSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createAppender, openTestLog, Scratch } from '../support/state-on-disk.ts';
import { startChild } from './child-program.ts';
import { verify, writeLog } from './disk.ts';
import { makeEvents } from './numbered-events.ts';

const ROUNDS = 10;
const EVENTS = 12_000;
const CUT = 9_000;

test('a killed pruning leaves the old log or the new one', async () => {
  using scratch = new Scratch();
  await writeLog(
    scratch.join('log'),
    Array.from({ length: 12 }, () => EVENTS / 12),
  );
  const begin = (name: string) => {
    cpSync(scratch.join('log'), scratch.join(name), { recursive: true });
    return startChild('prune', [scratch.join(name), String(CUT + 1)]);
  };
  const whole = begin('whole');
  await whole.nextLine();
  const startedAt = performance.now();
  expect(await whole.finished()).toBe(0);
  const pruneMs = performance.now() - startedAt;
  expect(whole.lines).toEqual(['open', 'pruned']);

  for (let round = 0; round < ROUNDS; round += 1) {
    const name = `round-${round}`;
    const child = begin(name);
    expect(await child.nextLine()).toBe('open');
    await sleep(pruneMs * Math.random());
    await child.kill();
    const path = scratch.join(name, 'log.db');
    const { verdict, fault, pruned, events } = await verify(path);
    expect({ verdict, fault }).toEqual({ verdict: 'self-consistent', fault: null });
    expect([
      [null, EVENTS],
      [CUT, EVENTS + 1],
    ]).toContainEqual([pruned?.events ?? null, events]);
    const log = await openTestLog(scratch.join(name));
    createAppender(log, 'next')(makeEvents(events + 1, 2));
    log.close();
    expect(await verify(path)).toMatchObject({ verdict: 'self-consistent', events: events + 2 });
  }
}, 180_000);
