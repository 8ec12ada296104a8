/**
 * Opens and loads a BPF object. The verifier gives up with EAGAIN when a signal waits for the process, and libbpf
 * after five such answers; that says nothing about the programs, so it is tried anew.
 *
 * Source: kernel/bpf/verifier.c do_check, signal_pending; libbpf's bpf.c sys_bpf_prog_load.
 */
import type { BpfObject, Libbpf } from './libbpf.ts';
import { KernelCallError } from './libc.ts';

const ATTEMPTS_MAX = 10;
const PAUSE_MS = 20;

/**
 * @param prepare called before each attempt, with an object that is open and not loaded: an object that failed
 *   to load cannot be loaded again
 * @returns the loaded object, which the caller closes, and what was prepared for it
 *
 * Throws KernelCallError; then nothing is left open.
 */
export function loadObject<Prepared>(
  libbpf: Pick<Libbpf, 'openObject'>,
  path: string,
  prepare: (object: BpfObject) => Prepared,
): { readonly object: BpfObject; readonly prepared: Prepared } {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 1; ; attempt += 1) {
    const object = libbpf.openObject(path);
    try {
      const prepared = prepare(object);
      object.load();
      return { object, prepared };
    } catch (error) {
      object.close();
      const isInterrupted = error instanceof KernelCallError && error.code === 'EAGAIN';
      if (!isInterrupted || attempt === ATTEMPTS_MAX) {
        throw error;
      }
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
  }
}
