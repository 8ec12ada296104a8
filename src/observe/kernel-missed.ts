/**
 * Runs of our programs that the kernel left out, because the program was at work on that CPU already. What
 * they would have told has no number, so no hole in the numbers shows it: only the kernel's count does.
 *
 * Source: kernel/bpf/trampoline.c, kernel/trace/bpf_trace.c (bpf_prog_inc_misses_counter).
 */
import { KERNEL_STREAMS, type KernelStream, type LossRecord } from '../domain/kernel-record.ts';
import type { Libbpf } from './libbpf.ts';

export interface MissWatch {
  /** Looks, once a second at most. `nowNs`: nanoseconds on the boot clock. */
  look(nowNs: number): void;
  /** What was left out between looks, told once. */
  take(): LossRecord[];
}

/** Survives with the pins. */
export interface MissMemory {
  toldMissed(stream: KernelStream): number;
  setToldMissed(stream: KernelStream, count: number): void;
}

const NS_PER_US = 1_000;
const LOOK_EVERY_NS = 1_000_000_000;
/** These tell of members only; all others may have told a birth or an end. */
const MEMBER_HOOKS = ['tp_btf/sched_process_exec', 'tp_btf/sched_process_exit'];

/**
 * @param startNs what was left out before the first look was left out after this instant
 * @param anchorUs of the boot: where the boot clock's zero is on the host timeline
 */
export function createMissWatch(
  libbpf: Pick<Libbpf, 'programInfo'>,
  programs: readonly { readonly name: string; readonly fd: number }[],
  memory: MissMemory,
  { startNs, anchorUs }: { readonly startNs: number; readonly anchorUs: number },
): MissWatch {
  let lookedNs = startNs;
  let found: LossRecord[] = [];
  const toTimeline = (bootNs: number): number => anchorUs + Math.floor(bootNs / NS_PER_US);
  return {
    look(nowNs) {
      if (nowNs - lookedNs < LOOK_EVERY_NS) {
        return;
      }
      const [fromUs, toUs] = [toTimeline(lookedNs), toTimeline(nowNs)];
      lookedNs = nowNs;
      for (const stream of KERNEL_STREAMS) {
        const total = programs
          .filter(({ name }) => MEMBER_HOOKS.includes(name) === (stream === 'holders'))
          .reduce((sum, { fd }) => sum + libbpf.programInfo(fd).missedRuns, 0);
        const count = total - memory.toldMissed(stream);
        memory.setToldMissed(stream, total);
        if (count > 0) {
          found.push({ kind: 'lost', atUs: toUs, stream, count, fromUs, toUs });
        }
      }
    },
    take() {
      const taken = found;
      found = [];
      return taken;
    },
  };
}
