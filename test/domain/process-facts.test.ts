import { expect, test } from 'vitest';
import { processFactsSchema } from '../../src/domain/process-facts.ts';

test('a fact that is missing is null, not absent', () => {
  const facts = processFactsSchema.parse({ comm: 'sleep' });
  expect(facts).toEqual({
    ppid: null,
    comm: 'sleep',
    exe: null,
    uid: null,
    gid: null,
    loginuid: null,
    session: null,
    cgroup: null,
    containerId: null,
  });
});

test('a negative id is no fact', () => {
  expect(processFactsSchema.safeParse({ uid: -1 }).success).toBe(false);
});
