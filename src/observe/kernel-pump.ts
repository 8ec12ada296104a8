/** Empties the rings into memory, and keeps first what must survive a kill (kernel-keep.ts). */
import { KERNEL_STREAMS, type KernelStream } from '../domain/kernel-record.ts';
import type { CpuStates } from './kernel-cpus.ts';
import type { LifeKeeper } from './kernel-keep.ts';
import type { KernelQueue } from './kernel-queue.ts';
import type { Drained, KernelRing, RingChunk } from './kernel-ring.ts';
import type { KernelSession, Host } from './kernel-session.ts';

export interface Pumped {
  readonly rings: Record<KernelStream, KernelRing>;
  readonly cpus: CpuStates;
  readonly keeper: LifeKeeper;
  readonly queue: KernelQueue;
}

/** A function that copies out what happens to be in the rings, and what waits to get there. `onPumped`: nanoseconds on the boot clock. */
export function createPump(
  { libc }: Host,
  { reader }: KernelSession,
  { rings, cpus, keeper, queue }: Pumped,
  onPumped: (nowNs: number) => void,
): () => void {
  const keepLife = (copy: RingChunk): void => keeper.keep(copy);

  /** In this order what left for the ring in the meantime is found there. */
  function drainLife(): Drained & { readonly waiting: RingChunk | null } {
    const waiting = cpus.copyWaiting();
    const drained = rings.life.drain(keepLife);
    if (waiting !== null) {
      keeper.keep(waiting);
      cpus.noteTaken(keeper.keptSeqs);
    }
    return { ...drained, waiting };
  }

  return () => {
    // The time before the numbers, and both before the rings: what they cover is then in the rings or lost.
    const bootNs = Number(libc.bootNs());
    for (const stream of KERNEL_STREAMS) {
      const before = { seqs: cpus.readSeqs(stream), bootNs };
      const { chunk, waiting, isWhole } =
        stream === 'life' ? drainLife() : { ...rings.holders.drain(), waiting: null };
      const copied = [chunk, waiting].filter((one) => one !== null);
      queue.add(stream, copied, before, isWhole);
    }
    reader.lastPumpNs = bootNs;
    onPumped(bootNs);
  };
}
