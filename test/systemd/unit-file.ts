/** Unit files as text with structure: enough to ask what is set, where, and under which comment. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The directory with everything that systemd reads. */
export const UNIT_DIRECTORY = fileURLToPath(new URL('../../systemd/', import.meta.url));

export interface Directive {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** Counted from 1. */
  readonly line: number;
  /** Whether a comment opens the block (the run of lines between two blank ones or section headers). */
  readonly explained: boolean;
}

export interface UnitFile {
  readonly name: string;
  readonly text: string;
  readonly directives: readonly Directive[];
  /** Every value given to `key`, in order; none when it is absent. */
  values(key: string): readonly string[];
}

/** Names in the unit directory that end in one of `extensions`, each with its dot. */
export function listUnits(...extensions: readonly string[]): readonly string[] {
  return readdirSync(UNIT_DIRECTORY)
    .filter((name) => extensions.some((extension) => name.endsWith(extension)))
    .toSorted();
}

/** Reads one file of the unit directory. */
export function readUnit(name: string): UnitFile {
  const text = readFileSync(`${UNIT_DIRECTORY}${name}`, 'utf8');
  const directives = parseDirectives(text);
  return {
    name,
    text,
    directives,
    values: (key) => directives.filter((one) => one.key === key).map((one) => one.value),
  };
}

/** The bounding set of a service, named as setpriv(1) does: `sys_ptrace`, …. */
export function listCapabilities(unit: UnitFile): readonly string[] {
  return unit
    .values('CapabilityBoundingSet')
    .flatMap((value) => value.split(' '))
    .map((name) => name.replace(/^CAP_/, '').toLowerCase());
}

/** Follows systemd.syntax(7): sections, `#` comments, and lines continued by a backslash. */
function parseDirectives(text: string): readonly Directive[] {
  const directives: Directive[] = [];
  let section = '';
  let explained = false;
  let continued: string | null = null;
  for (const [index, raw] of text.split('\n').entries()) {
    const line: string = continued === null ? raw : continued + raw.trim();
    if (!raw.startsWith('#') && line.endsWith('\\')) {
      continued = `${line.slice(0, -1)} `;
      continue;
    }
    continued = null;
    if (line.trim() === '') {
      explained = false;
    } else if (line.startsWith('#')) {
      explained = true;
    } else if (line.startsWith('[')) {
      section = line.slice(1, -1);
      explained = false;
    } else {
      const [key = '', ...rest] = line.split('=');
      directives.push({ section, key, value: rest.join('=').trim(), line: index + 1, explained });
    }
  }
  return directives;
}
