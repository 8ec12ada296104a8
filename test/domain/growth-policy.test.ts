import { expect, test } from 'vitest';
import { fromStoredEvent } from '../../src/domain/event.ts';
import { DEFAULT_GROWTH_POLICY } from '../../src/domain/growth-policy.ts';
import { Auditor } from '../support/scan-builder.ts';

test('the limits in force stand in the event of the start', () => {
  expect(new Auditor().log).toContainEqual(
    expect.objectContaining({ event: 'collector.started', growth: DEFAULT_GROWTH_POLICY }),
  );
});

test('a start from before there were limits is read as one without', () => {
  const body = {
    boot: 'b-1',
    profile: 'procfs',
    sources: ['links'],
    kernel: '6.1.0',
    toolVersion: '0.1.0',
    pid: 77,
    uid: 0,
    capabilities: [],
    ownNamespaces: {},
    scanIntervalUs: 1_000_000,
    initialHolders: 'count',
  };
  const stored = { seq: 1, event: 'collector.started', version: 1, at: 1 };
  expect(fromStoredEvent({ ...stored, body: JSON.stringify(body) })).toMatchObject({
    growth: null,
  });
});
