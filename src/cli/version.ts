/** The version in package.json, which lies at another depth beside the sources than beside the build. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InvariantError } from '../domain/errors.ts';

/** The directory that package.json, and in a checkout the launcher, is in. */
export function findPackageDirectory(): string {
  for (let path = import.meta.dirname; ; path = dirname(path)) {
    if (existsSync(join(path, 'package.json'))) {
      return path;
    }
    if (path === dirname(path)) {
      throw new InvariantError(`no package.json above ${import.meta.dirname}`);
    }
  }
}

export function readVersion(): string {
  const text = readFileSync(join(findPackageDirectory(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
