/** Asks the kernel after namespaces without a known holder, a round at a time, and keeps the answers until they count. */
import { deriveProbes, type ProbeResult } from '../domain/derive-kernel-ends.ts';
import { endLeftBehind, listLeftBehind, type StormInput } from '../domain/derive-kernel-storms.ts';
import type { Draft } from '../domain/draft.ts';
import { listDueProbes, type KernelMemory } from '../domain/kernel-memory.ts';
import type { KernelNamespace } from '../domain/kernel-record.ts';
import type { Known } from '../domain/known.ts';
import type { NamespaceKey } from '../domain/namespace-type.ts';
import type { HandleProbe } from '../observe/handle-probe.ts';

export interface ProbeRound {
  /** Asks, unless answers still wait. Returns how many do. */
  ask(): number;
  /**
   * Takes out the answers to questions asked by then, when every record up to that instant has been
   * judged: somebody may have entered the namespace meanwhile. Null when there is none.
   */
  take(settledUs: number): ((input: StormInput, draft: Draft) => void) | null;
}

interface StaleBirth {
  readonly key: NamespaceKey;
  readonly namespace: KernelNamespace;
  readonly probedUs: number;
}

/** Namespaces asked after at once, of each kind: about half a millisecond of questions. */
const PROBES_MAX = 500;

/** Null for `probe`: nothing is ever asked. */
export function startProbeRound(
  probe: HandleProbe | null,
  { known, memory }: { readonly known: Known; readonly memory: KernelMemory },
  nowUs: () => number,
): ProbeRound {
  let answers: ProbeResult[] = [];
  let stale: StaleBirth[] = [];
  return {
    ask() {
      if (probe !== null && answers.length + stale.length === 0) {
        const limits = { atUs: nowUs(), limit: PROBES_MAX };
        answers = listDueProbes(known, memory, limits).map(({ id, namespace }) => ({
          id,
          verdict: probe.probe(namespace),
          probedUs: nowUs(),
        }));
        stale = listLeftBehind(memory, limits)
          .filter(({ namespace }) => probe.probe(namespace) === 'stale')
          .map((each) => ({ ...each, probedUs: nowUs() }));
      }
      return answers.length + stale.length;
    },
    take(settledUs) {
      const due = answers.filter(({ probedUs }) => probedUs <= settledUs);
      const dueBirths = stale.filter(({ probedUs }) => probedUs <= settledUs);
      if (due.length + dueBirths.length === 0) {
        return null;
      }
      answers = answers.filter(({ probedUs }) => probedUs > settledUs);
      stale = stale.filter(({ probedUs }) => probedUs > settledUs);
      return (input, draft) => {
        deriveProbes(input, due, draft);
        dueBirths.forEach((birth) => endLeftBehind(input, birth, draft));
      };
    },
  };
}
