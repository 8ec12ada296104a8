import { expect, test } from 'vitest';
import { formatReferences } from '../../src/cli/references-text.ts';

const counted = { total: 7, processSets: 1, nsfsInodes: 1, sockets: 5, unattributed: 0, at: '' };

test('references are said by who has them, and what nobody has is said too', () => {
  expect(formatReferences(counted)).toBe('7 references: 1 process set, 1 nsfs inode, 5 sockets');
  expect(formatReferences({ ...counted, sockets: 0, unattributed: 5 })).toBe(
    '7 references: 1 process set, 1 nsfs inode, 5 unattributed',
  );
  expect(
    formatReferences({ ...counted, total: 1, processSets: 0, nsfsInodes: 0, sockets: 1 }),
  ).toBe('1 reference: 1 socket');
  expect(formatReferences(null)).toBeNull();
});
