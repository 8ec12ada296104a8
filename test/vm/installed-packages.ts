/** Which directories of node_modules a set of packages needs, read from the lockfile. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const names = z.record(z.string(), z.string()).default({});
const lockfile = z.object({
  packages: z.record(
    z.string(),
    z.object({ dependencies: names, optionalDependencies: names, devDependencies: names }),
  ),
});

/**
 * Directories relative to `root`, each once: the dependencies of the project itself, `extra` packages
 * by name, and all that these depend on. What the lockfile knows and this platform did not install is
 * left out.
 */
export function listInstalledPackages(root: string, extra: readonly string[]): string[] {
  const { packages } = lockfile.parse(
    JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')),
  );
  const found = new Set<string>();
  const queue = [...Object.keys(packages['']?.dependencies ?? {}), ...extra].map(
    (name) => `node_modules/${name}`,
  );
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const entry = packages[path];
    if (entry === undefined || found.has(path) || !existsSync(join(root, path))) {
      continue;
    }
    found.add(path);
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      queue.push(nearest(path, name, (candidate) => packages[candidate] !== undefined));
    }
  }
  return [...found].toSorted();
}

/** Node looks for a package beside the one that asks, then further out (nodejs.org, "Loading from node_modules folders"). */
function nearest(from: string, name: string, isThere: (path: string) => boolean): string {
  for (let directory = from; directory !== '.'; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', name);
    if (isThere(candidate)) {
      return candidate;
    }
  }
  return join('node_modules', name);
}
