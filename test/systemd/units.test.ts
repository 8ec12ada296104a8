/**
 * The unit files as systemd itself judges them (offline, in a root of our own), and as we promise them:
 * what each may do, what each may not, and that every choice has its reason beside it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS as CLI_COMMANDS } from '../../src/cli/commands.ts';
import {
  createOfflineRoot,
  isInstalled,
  run,
  skipNotice,
  type OfflineRoot,
} from './offline-root.ts';
import { listUnits, readUnit } from './unit-file.ts';

const SERVICES = listUnits('.service');
const UNITS = listUnits('.service', '.socket', '.timer');
const COLLECTOR = 'nsaudit-collector.service';
const PRUNE = 'nsaudit-prune.service';
const UNPRIVILEGED = ['nsaudit-api.service', 'nsaudit-report.service', 'nsaudit-backup.service'];

/** Deeper than what ProtectKernelTunables= makes read-only, which would win over the same path. */
const PIN_ROOT = '/sys/fs/bpf/nsaudit';

/** What `systemd-analyze security` may find at most, in tenths of its scale from 0 to 10. */
const EXPOSURE_LIMITS: Readonly<Record<string, number>> = {
  'nsaudit-collector.service': 27,
  'nsaudit-api.service': 3,
  'nsaudit-report.service': 3,
  'nsaudit-backup.service': 3,
  'nsaudit-prune.service': 8,
};

/** The subcommand each service starts. */
const COMMANDS: Readonly<Record<string, string>> = {
  'nsaudit-collector.service': 'collect',
  'nsaudit-api.service': 'serve',
  'nsaudit-report.service': 'report',
  'nsaudit-backup.service': 'backup',
};

/** Those that run nsaudit, in a process that V8 compiles in. */
const PROGRAMS = SERVICES.filter((name) => name in COMMANDS);

/** Protections that would hide processes from the collector, or add its own namespaces to the record. */
const BLINDING = [
  'ProtectProc',
  'ProcSubset',
  'PrivatePIDs',
  'PrivateUsers',
  'PrivateNetwork',
  'PrivateIPC',
  'ProtectHostname',
  'DynamicUser',
  'RootDirectory',
  'RootImage',
];

const withoutAnalyze = isInstalled('systemd-analyze') ? [] : ['systemd-analyze'];
let root: OfflineRoot;

beforeAll(() => {
  root = createOfflineRoot();
});

afterAll(() => {
  root.remove();
});

function verify(): string {
  const result = run('systemd-analyze', 'verify', '--man=no', `--root=${root.path}`, ...UNITS);
  return `exit ${result.status}\n${result.stdout}${result.stderr}`;
}

interface Assessment {
  readonly name: string;
  /** null where the protection does not apply to the service. */
  readonly set: boolean | null;
}

function assess(service: string): readonly Assessment[] {
  return JSON.parse(
    run(
      'systemd-analyze',
      'security',
      '--offline=yes',
      '--json=short',
      `--root=${root.path}`,
      service,
    ).stdout,
  ) as Assessment[];
}

function exposureStatus(service: string, limit: number): number | null {
  return run(
    'systemd-analyze',
    'security',
    '--offline=yes',
    `--threshold=${limit}`,
    `--root=${root.path}`,
    service,
  ).status;
}

describe.skipIf(withoutAnalyze.length > 0)(`${skipNotice(withoutAnalyze)}systemd-analyze`, () => {
  it('every unit loads without a complaint', () => {
    expect(verify()).toBe('exit 0\n');
  });

  it('a misspelt directive would be noticed', () => {
    const path = join(root.unitDirectory, COLLECTOR);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('\nPrivateTmp=', '\nPrivatTmp='));
    try {
      expect(verify()).toContain("Unknown key 'PrivatTmp'");
    } finally {
      writeFileSync(path, text);
    }
  });

  it('every service has an exposure limit', () => {
    expect(Object.keys(EXPOSURE_LIMITS).toSorted()).toEqual(SERVICES);
  });

  it.each(Object.entries(EXPOSURE_LIMITS))(
    '%s stays within exposure %i tenths',
    (service, limit) => {
      expect(exposureStatus(service, limit)).toBe(0);
      expect(exposureStatus(service, 0), 'the limit must be able to fail').not.toBe(0);
    },
  );

  it.each(SERVICES)('%s names every protection it does not have', (service) => {
    const { text } = readUnit(service);
    const assessments = assess(service);
    const missing = assessments.filter(({ set }) => set === false);
    const directives = missing.flatMap(({ name }) =>
      [...name.matchAll(/([A-Za-z]+)=/g)].map(([match]) => match),
    );
    expect(directives.includes('MemoryDenyWriteExecute=')).toBe(PROGRAMS.includes(service));
    expect(directives.length).toBeGreaterThan(0);
    expect(directives.filter((directive) => !text.includes(directive))).toEqual([]);
  });
});

describe('reasons', () => {
  it.each(UNITS)('every setting of %s stands under a comment', (name) => {
    const settings = readUnit(name).directives.filter(
      ({ section }) => !['Unit', 'Install'].includes(section),
    );
    expect(settings.length).toBeGreaterThan(0);
    expect(settings.filter(({ explained }) => !explained)).toEqual([]);
  });
});

describe('what the services may do', () => {
  it.each(PROGRAMS)('%s leaves V8 its executable memory', (service) => {
    expect(readUnit(service).values('MemoryDenyWriteExecute')).toEqual([]);
  });

  it.each(BLINDING)('the collector is not blinded by %s=', (directive) => {
    expect(readUnit(COLLECTOR).values(directive)).toEqual([]);
  });

  it('the collector holds four capabilities, and writes its state directory and its pins only', () => {
    const collector = readUnit(COLLECTOR);
    expect(collector.values('CapabilityBoundingSet')).toEqual([
      'CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_BPF CAP_PERFMON',
    ]);
    expect(collector.values('AmbientCapabilities')).toEqual([]);
    expect(collector.values('ProtectSystem')).toEqual(['strict']);
    expect(collector.values('ReadOnlyPaths').join(' ').split(' ')).toContain('/proc');
    expect(collector.values('StateDirectory')).toEqual(['nsaudit']);
    expect(collector.values('ProtectKernelTunables')).toEqual(['yes']);
    expect(collector.values('ReadWritePaths')).toEqual([`-${PIN_ROOT}`]);
  });

  it('the hooks of the collector outlive a restart, in the one directory that is made for them', () => {
    const collector = readUnit(COLLECTOR);
    expect(collector.values('ExecStart').join(' ').split(' ')).toEqual(
      expect.arrayContaining(['--keep-hooks', `--pin-dir=${PIN_ROOT}`]),
    );
    expect(collector.values('ExecStartPre')[0]).toBe(`-+/bin/mkdir -p -m 0700 ${PIN_ROOT}`);
    // Only the job of a stop removes them.
    expect(collector.values('ExecStopPost')).toEqual([
      expect.stringMatching(/list-jobs .*%n.* in \*" stop "\*\) exec \S+nsaudit doctor --unpin/),
    ]);
  });

  it('the collector prunes when, and only when, the retention unit restarts it, and by its file alone', () => {
    const [, prune = ''] = readUnit(COLLECTOR).values('ExecStartPre');
    const script = /^-\+\/bin\/sh -c '(.*)'$/.exec(prune)?.[1] ?? '';
    const say = (state: string, options: string) =>
      run(
        '/bin/sh',
        '-c',
        `systemctl() { echo "${state}"; }; NSAUDIT_PRUNE='${options}'; ${script.replace('exec /usr/bin/nsaudit', 'echo')}`,
      ).stdout;
    expect(say('activating', '--before -90d')).toBe('prune --yes --before -90d\n');
    expect(say('inactive', '--before -90d')).toBe('');
    expect(say('', '')).toBe('');
    expect(readUnit(COLLECTOR).values('TimeoutStartSec')).toEqual(['infinity']);
    const unit = readUnit(PRUNE);
    expect(unit.values('ExecStart')).toEqual([`/bin/systemctl try-restart ${COLLECTOR}`]);
    expect(unit.values('Type')).toEqual(['oneshot']);
    expect(unit.values('ConditionPathExists')).toEqual(
      readUnit(COLLECTOR)
        .values('EnvironmentFile')
        .map((path) => path.slice(1)),
    );
  });

  it.each(UNPRIVILEGED)(
    '%s has no capability, no network and not the collector’s user',
    (service) => {
      const unit = readUnit(service);
      expect(unit.values('CapabilityBoundingSet')).toEqual(['']);
      expect(unit.values('User')).toEqual(['nsaudit']);
      expect(unit.values('PrivateNetwork')).toEqual(['yes']);
      expect(unit.values('StateDirectory')).not.toContain('nsaudit');
      expect(unit.values('ReadWritePaths')).toEqual([]);
    },
  );

  it.each(PROGRAMS)('%s starts one command of the contract', (service) => {
    const started = readUnit(service).values('ExecStart').join('\n');
    expect(
      [...started.matchAll(/\/usr\/bin\/nsaudit (\S+)/g)].map(([, command]) => command),
    ).toEqual([COMMANDS[service]]);
    expect(CLI_COMMANDS.map(({ name }): string => name)).toContain(COMMANDS[service]);
  });

  it('stopping the API service leaves its socket in place', () => {
    expect(readUnit('nsaudit-api.service').values('RuntimeDirectory')).toEqual([]);
    expect(readUnit('nsaudit-api.socket').values('ListenStream')).toEqual([
      '/run/nsaudit/api.sock',
    ]);
  });

  it('the API socket is open to its group and to nobody else', () => {
    const socket = readUnit('nsaudit-api.socket');
    expect(socket.values('SocketMode')).toEqual(['0660']);
    expect(socket.values('SocketGroup')).toEqual(readUnit('nsaudit-api.service').values('Group'));
  });
});
