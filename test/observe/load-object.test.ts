/** Loading, when a signal interrupts the verifier. Modelled: the answers of libbpf. */
import { expect, test } from 'vitest';
import type { BpfObject } from '../../src/observe/libbpf.ts';
import { KernelCallError } from '../../src/observe/libc.ts';
import { loadObject } from '../../src/observe/load-object.ts';

const [EPERM, EAGAIN] = [1, 11];

/** A libbpf whose loads answer with these errnos, one after the other, and then succeed. */
function answering(errnos: readonly number[]) {
  const counts = { opened: 0, prepared: 0, closed: 0 };
  const libbpf = {
    openObject(): BpfObject {
      const errno = errnos[counts.opened];
      counts.opened += 1;
      return {
        programs: [],
        maps: [],
        load() {
          if (errno !== undefined) {
            throw new KernelCallError('bpf_object__load', errno);
          }
        },
        close() {
          counts.closed += 1;
        },
      };
    },
  };
  const load = () => loadObject(libbpf, 'x.bpf.o', () => (counts.prepared += 1));
  return { counts, load };
}

test('a load that a signal interrupts is tried anew, each time with an object that was prepared anew', () => {
  const { counts, load } = answering([EAGAIN, EAGAIN]);
  expect(load().prepared).toBe(3);
  expect(counts).toEqual({ opened: 3, prepared: 3, closed: 2 });
});

test('signals without end, and any other refusal, end it with nothing left open', () => {
  const endless = answering(Array.from({ length: 1_000 }, () => EAGAIN));
  expect(endless.load).toThrow('EAGAIN');
  expect(endless.counts.opened).toBeLessThan(100);
  expect(endless.counts.closed).toBe(endless.counts.opened);
  const refused = answering([EPERM]);
  expect(refused.load).toThrow('EPERM');
  expect(refused.counts).toEqual({ opened: 1, prepared: 1, closed: 1 });
});
