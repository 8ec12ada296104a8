/** The system calls that a unit leaves its process, by systemd's own lists. */
import { run } from './offline-root.ts';
import type { UnitFile } from './unit-file.ts';

type Groups = ReadonlyMap<string, readonly string[]>;

/**
 * The allowed names, by the rules of systemd.exec(5): the first SystemCallFilter= allows, each later one adds
 * or, with `~`, takes away. Null without systemd-analyze.
 */
export function listAllowedCalls(unit: UnitFile): ReadonlySet<string> | null {
  const groups = readGroups();
  if (groups.size === 0) {
    return null;
  }
  const allowed = new Set(expand(groups, '@default'));
  for (const value of unit.values('SystemCallFilter')) {
    const isTakenAway = value.startsWith('~');
    for (const name of value.replace('~', '').split(' ')) {
      for (const call of expand(groups, name)) {
        if (isTakenAway) {
          allowed.delete(call);
        } else {
          allowed.add(call);
        }
      }
    }
  }
  return allowed;
}

/** `systemd-analyze syscall-filter`: a line for each group, and below it its members and their comments, indented. */
function readGroups(): Groups {
  const groups = new Map<string, string[]>();
  let members: string[] = [];
  for (const line of run('systemd-analyze', 'syscall-filter').stdout.split('\n')) {
    const [, indent = '', name = ''] = /^(\s*)([@\w-]+)$/.exec(line) ?? [];
    if (name !== '' && indent === '') {
      members = [];
      groups.set(name, members);
    } else if (name !== '') {
      members.push(name);
    }
  }
  return groups;
}

function expand(groups: Groups, name: string): readonly string[] {
  const members = groups.get(name);
  return members === undefined ? [name] : members.flatMap((member) => expand(groups, member));
}
