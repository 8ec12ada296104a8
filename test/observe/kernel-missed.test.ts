import { expect, test } from 'vitest';
import type { KernelStream } from '../../src/domain/kernel-record.ts';
import { createMissWatch } from '../../src/observe/kernel-missed.ts';

const SECOND = 1_000_000_000;
const programs = [
  { name: 'tp_btf/task_newtask', fd: 3 },
  { name: 'tp_btf/sched_process_exit', fd: 4 },
  { name: 'fentry/__put_net', fd: 5 },
];

function start(told: Record<KernelStream, number> = { life: 0, holders: 0 }) {
  const missed = new Map([3, 4, 5].map((fd) => [fd, 0]));
  const looked: number[] = [];
  const watch = createMissWatch(
    {
      programInfo(fd) {
        looked.push(fd);
        return { missedRuns: missed.get(fd) ?? 0, runCount: 0, runTimeNs: 0 };
      },
    },
    programs,
    {
      toldMissed: (stream) => told[stream],
      setToldMissed: (stream, count) => {
        told[stream] = count;
      },
    },
    { startNs: SECOND, anchorUs: 0 },
  );
  const look = (nowNs: number) => {
    watch.look(nowNs);
    return watch.take();
  };
  return { look, missed, looked, told };
}

test('what was left out is told once, by stream, between two looks', () => {
  const { look, missed } = start();
  missed.set(3, 2).set(5, 1).set(4, 7);
  const lost = { kind: 'lost', atUs: 3_000_000, fromUs: 1_000_000, toUs: 3_000_000 };
  expect(look(3 * SECOND)).toEqual([
    { ...lost, stream: 'life', count: 3 },
    { ...lost, stream: 'holders', count: 7 },
  ]);
  expect(look(4 * SECOND)).toEqual([]);
  missed.set(4, 8);
  expect(look(5 * SECOND)).toMatchObject([{ count: 1, fromUs: 4_000_000 }]);
});

test('the kernel is asked once a second, however often somebody looks', () => {
  const { look, looked } = start();
  look(SECOND + 1);
  expect(looked).toEqual([]);
  look(2 * SECOND);
  look(2 * SECOND + 5);
  expect(looked).toHaveLength(3);
});

test('after a takeover only what the run before did not tell', () => {
  const { look, missed, told } = start({ life: 4, holders: 0 });
  missed.set(3, 6);
  expect(look(2 * SECOND)).toMatchObject([{ stream: 'life', count: 2 }]);
  expect(told.life).toBe(6);
});
