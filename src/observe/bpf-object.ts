/** Where the compiled BPF object is: beside this module once built, in dist when running from source. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const OBJECT = 'bpf/nsaudit.bpf.o';
const FROM_SOURCE = '../../dist/src/observe';

/** The path of the object, or what is missing. */
export function findBpfObject(): string | { readonly missing: string } {
  const candidates = ['.', FROM_SOURCE].map((from) => join(import.meta.dirname, from, OBJECT));
  return (
    candidates.find((path) => existsSync(path)) ?? {
      missing: `${OBJECT} is not beside the program; clang was not there when nsaudit was built.`,
    }
  );
}
