import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createContainerFiles } from '../../src/observe/container-files.ts';

const ID = '0123456789abcdef'.repeat(4);
const OTHER = 'fedcba9876543210'.repeat(4);

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nsaudit-containers-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function put(path: string, content: unknown): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

test('the name of a container is the one its engine wrote down', () => {
  put('var/lib/containers/storage/overlay-containers/containers.json', [
    { id: OTHER, names: ['other'] },
    { id: ID, names: ['web', 'alias'] },
  ]);
  put(`var/lib/docker/containers/${OTHER}/config.v2.json`, { Name: '/db' });
  const files = createContainerFiles(root);
  expect(files.describe(`/machine.slice/libpod-${ID}.scope/container`)).toMatchObject({
    engine: 'podman',
    name: 'web',
    cgroup: `/machine.slice/libpod-${ID}.scope`,
  });
  expect(files.describe(`/docker/${OTHER}`)).toMatchObject({ engine: 'docker', name: 'db' });
  expect(files.refusals().size).toBe(0);
});

test('a container of a pod is named by namespace, pod and container; whose it is shows who wrote of it', () => {
  const bundle = 'run/containerd/io.containerd.runtime.v2.task/k8s.io';
  const pod = {
    'io.kubernetes.cri.sandbox-namespace': 'prod',
    'io.kubernetes.cri.sandbox-name': 'web-0',
  };
  put(`${bundle}/${ID}/config.json`, {
    annotations: { ...pod, 'io.kubernetes.cri.container-name': 'nginx' },
  });
  put(`${bundle}/${OTHER}/config.json`, { annotations: pod });
  const files = createContainerFiles(root);
  const group = '/kubepods/burstable/pod6c1a4a7e-2b57-4f39-a6a0-0f4a54c0e2a1';
  expect(files.describe(`${group}/${ID}`)).toMatchObject({
    engine: 'containerd',
    name: 'prod/web-0/nginx',
    podUid: '6c1a4a7e-2b57-4f39-a6a0-0f4a54c0e2a1',
  });
  expect(files.describe(`${group}/${OTHER}`)).toMatchObject({ name: 'prod/web-0' });
});

test('what only its runtime calls a container is one, with all control groups below it', () => {
  put('run/runc/box/state.json', { cgroup_paths: { '': '/sys/fs/cgroup/jobs/box' } });
  put('run/runc/old/state.json', { cgroup_paths: { memory: '/sys/fs/cgroup/memory/old' } });
  put('run/crun/cell/status', { 'cgroup-path': '/cell' });
  const files = createContainerFiles(root);
  const expected = { engine: 'runc', containerId: 'box', cgroup: '/jobs/box' };
  expect(files.describe('/jobs/box')).toMatchObject(expected);
  expect(files.describe('/jobs/box/init.scope')).toMatchObject(expected);
  expect(files.describe('/old')).toMatchObject({ engine: 'runc', containerId: 'old' });
  expect(files.describe('/cell/a')).toMatchObject({ engine: 'crun', containerId: 'cell' });
  expect(files.describe('/jobs')).toBeNull();
  expect(files.describe('/box')).toBeNull();
  expect(files.describe('/')).toBeNull();
});

test('without files a container is what its path says, and nothing is refused', () => {
  const files = createContainerFiles(root);
  expect(files.describe(`/docker/${ID}`)).toMatchObject({ containerId: ID, name: null });
  expect(files.describe('/user.slice')).toBeNull();
  expect(files.refusals().size).toBe(0);
});

test('what cannot be read or understood is counted with an example', () => {
  put(`var/lib/docker/containers/${ID}/config.v2.json`, '{"Name":');
  mkdirSync(join(root, `var/lib/docker/containers/${OTHER}/config.v2.json`), { recursive: true });
  mkdirSync(join(root, 'run'));
  symlinkSync('runc', join(root, 'run/runc'));
  const files = createContainerFiles(root);
  expect(files.describe(`/docker/${ID}`)?.name).toBeNull();
  expect(files.describe(`/docker/${OTHER}`)?.name).toBeNull();
  expect(files.describe('/somewhere')).toBeNull();
  expect([...files.refusals()].map(([reason, { count }]) => [reason, count])).toEqual([
    ['not JSON', 1],
    ['too large or no file', 1],
    ['ELOOP', 1],
  ]);
});
