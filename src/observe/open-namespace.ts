/** Opening a namespace by a path, and nothing else that may stand there by now. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';

/** fcntl.h; node:fs has no name for them. */
const O_PATH = 0o10_000_000;
const O_CLOEXEC = 0o2_000_000;

/** Where namespaces are looked for. */
export interface NamespacePlace {
  readonly procRoot: string;
  /** st_dev of nsfs. */
  readonly dev: number;
}

/**
 * A descriptor that the caller closes at once: until then the namespace cannot end. Null for anything but
 * the namespace of that inum. Throws the error of the system call.
 *
 * Looks before it opens: what stands at the end of a path may have become anything, and some files do
 * something when they are opened.
 */
export function openNamespace(
  path: string,
  inum: number,
  { dev, procRoot }: NamespacePlace,
): number | null {
  const looked = openSync(path, O_PATH | O_CLOEXEC);
  try {
    const { ino, dev: itsDev } = fstatSync(looked);
    return ino === inum && itsDev === dev
      ? openSync(`${procRoot}/self/fd/${looked}`, constants.O_RDONLY | O_CLOEXEC)
      : null;
  } finally {
    closeSync(looked);
  }
}
