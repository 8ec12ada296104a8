import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMountinfo } from '../../src/observe/mountinfo.ts';

/** Bytes as show_mountinfo writes them: these five as an octal escape, every other as it is. */
function mangle(bytes: Uint8Array): Buffer {
  const escaped = new Set([0x20, 0x09, 0x0a, 0x5c, 0x23]);
  return Buffer.concat(
    [...bytes].map((byte) =>
      escaped.has(byte)
        ? Buffer.from(`\\${byte.toString(8).padStart(3, '0')}`)
        : Buffer.from([byte]),
    ),
  );
}

function toLine(mountPoint: Uint8Array, optional = ''): Buffer {
  return Buffer.concat([
    Buffer.from('72 71 0:4 net:[4026532248] '),
    mangle(mountPoint),
    Buffer.from(` rw,nosuid${optional} - nsfs nsfs rw\n`),
  ]);
}

describe('mountinfo', () => {
  test('gives back every path that the kernel can write', () => {
    const paths = fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => Uint8Array.from([0x2f, ...bytes.filter((byte) => byte !== 0)]));
    fc.assert(
      fc.property(fc.array(paths, { maxLength: 4 }), (mountPoints) => {
        const content = Buffer.concat(mountPoints.map((mountPoint) => toLine(mountPoint)));
        const found = parseMountinfo(content, 'nsfs').map(({ mountPoint }) => mountPoint);
        expect(found).toEqual(mountPoints.map((mountPoint) => Buffer.from(mountPoint).toString()));
      }),
    );
  });

  test('gives back text with spaces, newlines and characters beyond ASCII exactly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = Buffer.from(`/${text.replaceAll('\0', '')}`);
        expect(parseMountinfo(toLine(bytes), 'nsfs')[0]?.mountPoint).toBe(bytes.toString());
      }),
    );
  });

  test('shows bytes that are no UTF-8 as U+FFFD', () => {
    const [entry] = parseMountinfo(toLine(Buffer.from([0x2f, 0xff, 0x20, 0xc3])), 'nsfs');
    expect(entry?.mountPoint).toBe('/\ufffd \ufffd');
  });

  test.each(['', ' shared:1', ' shared:1 master:2', ' master:2 propagate_from:1 unbindable'])(
    'skips the optional fields: "%s"',
    (optional) => {
      expect(parseMountinfo(toLine(Buffer.from('/run/netns/blue'), optional), 'nsfs')).toEqual([
        {
          mountId: 72,
          device: '0:4',
          root: 'net:[4026532248]',
          mountPoint: '/run/netns/blue',
          fileSystem: 'nsfs',
          superOptions: 'rw',
        },
      ]);
    },
  );

  test('gives the mounts of one file system only, wherever its name turns up', () => {
    const others = [
      '22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw,hidepid=invisible',
      '27 1 254:0 / /mnt/nsfs rw - ext4 /dev/nsfs rw',
      '28 1 0:30 / /mnt/-\\040nsfs rw - fuse.nsfs nsfs rw',
      '29 1 0:31 / /x rw - tmpfs - rw - nsfs nsfs',
      'junk',
      '1 2 3 - nsfs x',
      '',
    ].join('\n');
    expect(parseMountinfo(Buffer.from(others), 'nsfs')).toEqual([]);
    expect(parseMountinfo(Buffer.from(others), 'proc')[0]?.superOptions).toBe(
      'rw,hidepid=invisible',
    );
  });

  test('does not need a newline at the end', () => {
    const line = toLine(Buffer.from('/a'));
    expect(parseMountinfo(line.subarray(0, line.length - 1), 'nsfs')).toHaveLength(1);
  });
});
