/** Events about containers: what is learnt of them, and which process was moved into one after it had started. */
import type { Container } from './container.ts';
import type { Draft } from './draft.ts';
import type { Holder } from './holder.ts';
import type { Known } from './known.ts';
import type { ProcessFacts } from './process-facts.ts';

/** Adds container.described for what is not known yet. A name that is not found any more stays known. */
export function deriveContainer(known: Known, found: Container, draft: Draft): void {
  const last = known.containers.get(found.cgroup);
  const name = found.name ?? (last?.containerId === found.containerId ? last.name : null);
  const isKnown =
    last !== undefined &&
    last.containerId === found.containerId &&
    last.engine === found.engine &&
    last.name === name;
  if (!isKnown) {
    draft.add({ event: 'container.described', ...found, name });
  }
}

/** Adds holder.described when the process is in another control group than was recorded. */
export function deriveMoved(holder: Holder, facts: ProcessFacts | null, draft: Draft): void {
  if (isMoved(holder, facts)) {
    const { id, kind, pid } = holder;
    draft.add({ event: 'holder.described', holder: id, kind, pid, ...facts });
  }
}

/** The facts name another control group than the record does. */
export function isMoved(holder: Holder, facts: ProcessFacts | null): facts is ProcessFacts {
  return facts !== null && facts.cgroup !== null && facts.cgroup !== holder.cgroup;
}
