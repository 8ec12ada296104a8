/**
 * What the collector unit runs after an end, as a shell runs it. Modelled: systemctl(1), which answers with
 * the line that systemd 252 prints for the job at that moment, and nsaudit, which prints its arguments.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './offline-root.ts';
import { readUnit } from './unit-file.ts';

const UNIT = 'nsaudit-collector.service';
const REMOVAL = 'doctor --unpin --pin-dir=/sys/fs/bpf/nsaudit\n';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nsaudit-stop-'));
  writeFileSync(join(directory, 'nsaudit'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** What is printed when systemd works on `job`; null: the collector ended by itself. */
function endDuring(job: string | null): string {
  const line = job === null ? '' : `18 ${UNIT} ${job} running`;
  writeFileSync(join(directory, 'systemctl'), `#!/bin/sh\necho "${line}"\n`, { mode: 0o755 });
  const [command = ''] = readUnit(UNIT).values('ExecStopPost');
  const script = /^-\+\/bin\/sh -c '(.*)'$/.exec(command)?.[1] ?? 'exit 99';
  const [start, ...rest] = script.replace('%n', UNIT).split('/usr/bin/nsaudit');
  const words = ['sh', '-c', `${start}${[directory, ...rest].join('/nsaudit')}`];
  const { status, stdout } = run('env', `PATH=${directory}:/usr/bin:/bin`, ...words);
  expect(status).toBe(0);
  return stdout;
}

describe('the hooks that the collector leaves attached', () => {
  it('are removed by a stop', () => {
    expect(endDuring('stop')).toBe(REMOVAL);
  });

  it.each(['restart', 'start', null])('stay when the job is %s', (job) => {
    expect(endDuring(job)).toBe('');
  });
});
