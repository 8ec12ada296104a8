import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { NsauditError } from '../../src/domain/errors.ts';
import { readHostFacts, type HostFacts } from '../../src/observe/host-facts.ts';
import { useProcTree } from './scan-tree.ts';

const tree = useProcTree();

const BOOT_ID = '5e98bcd4-8de7-4e45-babe-ffdf1b3658aa';
const MACHINE_ID = '0123456789abcdef0123456789abcdef';

function addHost({ capEff = '0000000000000000', mountinfo = '' } = {}): void {
  tree.write('sys/kernel/random/boot_id', `${BOOT_ID}\n`);
  tree.write('sys/kernel/osrelease', '6.1.0-48-cloud-amd64\n');
  tree.addProcess(10, {
    links: { net: 4026532268 },
    mountinfo,
    files: { status: `Name:\tnode\nCapPrm:\tffffffffffffffff\nCapEff:\t${capEff}\nCapBnd:\t1\n` },
  });
  tree.link('self', '10');
  tree.write('machine-id', `${MACHINE_ID}\n`);
}

function read(machineId = 'machine-id'): HostFacts {
  return readHostFacts({ procRoot: tree.root, machineIdPath: `${tree.root}/${machineId}` });
}

describe('facts about the host', () => {
  test('name boot, kernel and the namespaces we are in ourselves', () => {
    addHost();
    expect(read()).toMatchObject({
      bootId: BOOT_ID,
      kernelRelease: '6.1.0-48-cloud-amd64',
      ownNamespaces: { net: 4026532268, pid: 4026531836 },
      hidepid: null,
    });
  });

  test('tell hosts apart without giving the machine id away', () => {
    addHost();
    const { hostId } = read();
    expect(hostId).toMatch(/^[0-9a-f]{32}$/);
    expect(hostId).not.toBe(MACHINE_ID);
    expect(hostId).not.toBe(createHash('sha256').update(MACHINE_ID).digest('hex').slice(0, 32));
    expect(read().hostId).toBe(hostId);
    tree.write('other-id', `${'f'.repeat(32)}\n`);
    expect(read('other-id').hostId).not.toBe(hostId);
  });

  test.each([
    ['missing', null],
    ['uninitialized', 'uninitialized\n'],
    ['empty', ''],
  ])('have no host id where the machine id is %s', (name, content) => {
    addHost();
    if (content !== null) {
      tree.write(name, content);
    }
    expect(read(name).hostId).toBeNull();
  });

  test('list our effective capabilities by name, also those that are newer than we are', () => {
    addHost({ capEff: '0000000000000000' });
    expect(read().capabilities).toEqual([]);
    tree.write('10/status', 'CapEff:\t0000000000080001\n');
    expect(read().capabilities).toEqual(['chown', 'sys_ptrace']);
    tree.write('10/status', 'CapEff:\t8000010000000000\n');
    expect(read().capabilities).toEqual(['checkpoint_restore', 'cap_63']);
    tree.write('10/status', 'CapEff:\t000001ffffffffff\n');
    expect(read().capabilities).toHaveLength(41);
  });

  test('say when the proc mount hides the processes of others', () => {
    const line = (options: string): string =>
      `22 27 0:21 / ${tree.root} rw - proc proc ${options}\n`;
    addHost({ mountinfo: line('rw,gid=4,hidepid=invisible') });
    expect(read().hidepid).toBe('invisible');
    tree.write('10/mountinfo', line('rw,hidepid=2') + line('rw'));
    expect(read().hidepid).toBeNull();
  });

  test.each(['sys/kernel/random/boot_id', 'sys/kernel/osrelease', '10/status'])(
    'are refused where %s is missing: a proc that hides it is not enough',
    (path) => {
      addHost();
      tree.removeFile(path);
      expect(() => read()).toThrow(NsauditError);
    },
  );

  test('are refused where the boot id is none', () => {
    addHost();
    tree.write('sys/kernel/random/boot_id', 'none\n');
    expect(() => read()).toThrow(/boot_id/);
  });
});
