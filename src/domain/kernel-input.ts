/** What every rule about kernel records is given. */
import type { ProcessIdentity } from './arrival.ts';
import type { InitialNamespaces } from './initial-namespaces.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { Known } from './known.ts';
import type { OpenMemberBooks } from './member-books.ts';
import type { Watch } from './watch.ts';

export interface KernelInput {
  /** Changed while the rules run: every event they add is folded into it at once. */
  readonly known: Known;
  readonly watch: Watch;
  /** Changed in place. */
  readonly memory: KernelMemory;
  /** Members that are counted instead of listed, see member-books.ts. */
  readonly books: OpenMemberBooks;
  readonly bootId: string;
  /** st_dev of nsfs, where some scan has seen it. */
  readonly nsfsDev: string | null;
  readonly initial: InitialNamespaces;
  readonly initialHolders: 'count' | 'full';
  /** The process that collects, and by that holds what it is in. */
  readonly own?: ProcessIdentity | null;
}
