import { describe, expect, test } from 'vitest';
import { openNsids } from '../../src/observe/netlink-nsids.ts';
import { buildRequest, parseMessages, parseNsid } from '../../src/observe/nsid-message.ts';

/** RTM_NEWNSID as Linux 6.18 sends it for id 7: header, rtgenmsg, NETNSA_NSID. */
const GIVEN = Buffer.from('1c000000580000000100000000000000000000000800010007000000', 'hex');

describe('messages about network namespace ids', () => {
  test('an id is read from where the kernel puts it, and -1 is none', () => {
    const [message] = parseMessages(GIVEN);
    expect(message).toMatchObject({ type: 88, sequence: 1 });
    expect(parseNsid(message?.body ?? Buffer.alloc(0))).toBe(7);
    const none = Buffer.from(GIVEN);
    none.writeInt32LE(-1, 24);
    expect(parseNsid(parseMessages(none)[0]?.body ?? Buffer.alloc(0))).toBeNull();
  });

  test('what is cut short, empty or of no length ends the list and says nothing', () => {
    expect(parseMessages(GIVEN.subarray(0, 20))).toEqual([]);
    expect(parseMessages(Buffer.alloc(64))).toEqual([]);
    expect(parseNsid(Buffer.alloc(0))).toBeNull();
    expect(parseNsid(Buffer.alloc(40))).toBeNull();
    expect(parseMessages(Buffer.concat([GIVEN, GIVEN]))).toHaveLength(2);
  });

  test('all that is ever sent are questions', () => {
    for (const request of [buildRequest(1, null), buildRequest(2, [2, 4711])]) {
      expect(request.readUInt16LE(4)).toBe(90);
      expect(request.readUInt32LE(0)).toBe(request.length);
    }
  });
});

const source = openNsids();
const missing = 'missing' in source ? source.missing : null;

test.skipIf(missing)(
  `the kernel lists ids, knows none of a process that is not there, and tells nothing by itself${missing ? ` — NOT RUN: ${missing}` : ''}`,
  () => {
    if ('missing' in source) {
      return;
    }
    try {
      expect(source.list()).toBeInstanceOf(Set);
      expect(['number', 'object']).toContain(typeof source.ask({ pid: process.pid }));
      expect(source.ask({ pid: 0x7fff_fff0 })).toBe('unknown');
      expect([...source.refusals().keys()]).toEqual(['ESRCH']);
    } finally {
      source.close();
    }
  },
);
