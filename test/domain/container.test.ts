import { describe, expect, test } from 'vitest';
import { findContainer, findContainerId, listGroupsAbove } from '../../src/domain/container.ts';

const ID = '0123456789abcdef'.repeat(4);
const OTHER = 'fedcba9876543210'.repeat(4);
const POD = '6c1a4a7e-2b57-4f39-a6a0-0f4a54c0e2a1';
const SLICE_POD = POD.replaceAll('-', '_');
const STATIC_POD = 'd4f2f9b5b5a74a9f8e0c2c3f1b1a2d3e';

describe('a control group path names engine, id and pod', () => {
  test.each([
    ['Docker, cgroupfs', `/docker/${ID}`, 'docker', null],
    ['Docker, systemd', `/system.slice/docker-${ID}.scope`, 'docker', null],
    [
      'Docker, rootless',
      `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`,
      'docker',
      null,
    ],
    [
      'Docker, a service in the container',
      `/docker/${ID}/system.slice/cron.service`,
      'docker',
      null,
    ],
    ['Docker, --cgroup-parent', `/batch.slice/docker-${ID}.scope`, 'docker', null],
    ['Podman, systemd', `/machine.slice/libpod-${ID}.scope`, 'podman', null],
    ['Podman with crun', `/machine.slice/libpod-${ID}.scope/container`, 'podman', null],
    ['Podman, cgroupfs', `/libpod_parent/libpod-${ID}`, 'podman', null],
    [
      'Podman, in a pod',
      `/machine.slice/machine-libpod_pod_${OTHER}.slice/libpod-${ID}.scope`,
      'podman',
      null,
    ],
    [
      'Podman, rootless',
      `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
      'podman',
      null,
    ],
    ['Podman in a unit', `/system.slice/web.service/libpod-payload-${ID}`, 'podman', null],
    ['nerdctl, systemd', `/system.slice/nerdctl-${ID}.scope`, 'containerd', null],
    [
      'containerd under Kubernetes, systemd',
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${SLICE_POD}.slice/cri-containerd-${ID}.scope`,
      'containerd',
      POD,
    ],
    [
      'containerd under Kubernetes, guaranteed',
      `/kubepods.slice/kubepods-pod${SLICE_POD}.slice/cri-containerd-${ID}.scope`,
      'containerd',
      POD,
    ],
    [
      'containerd, cgroupfs driver over a systemd kubelet',
      `/system.slice/containerd.service/kubepods-besteffort-pod${SLICE_POD}.slice:cri-containerd:${ID}`,
      'containerd',
      POD,
    ],
    [
      'a cluster in a container (kind)',
      `/docker/${OTHER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${SLICE_POD}.slice/cri-containerd-${ID}.scope`,
      'containerd',
      POD,
    ],
    [
      'CRI-O, systemd',
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${SLICE_POD}.slice/crio-${ID}.scope`,
      'cri-o',
      POD,
    ],
    [
      'CRI-O with crun',
      `/kubepods.slice/kubepods-pod${SLICE_POD}.slice/crio-${ID}.scope/container`,
      'cri-o',
      POD,
    ],
    ['CRI-O, cgroupfs', `/kubepods/burstable/pod${POD}/crio-${ID}`, 'cri-o', POD],
    [
      'Kubernetes with Docker, systemd',
      `/kubepods.slice/kubepods-pod${SLICE_POD}.slice/docker-${ID}.scope`,
      'docker',
      POD,
    ],
    ['Kubernetes, cgroupfs', `/kubepods/burstable/pod${POD}/${ID}`, null, POD],
    ['Kubernetes, static pod', `/kubepods/burstable/pod${STATIC_POD}/${ID}`, null, STATIC_POD],
    ['ECS', `/ecs/55091c13-b8cf-4801-b527-f4601742204d/${ID}`, null, null],
    ['containerd, cgroupfs', `/default/${ID}`, null, null],
  ])('%s', (_, path, engine, podUid) => {
    expect(findContainer(path)).toMatchObject({ engine, containerId: ID, podUid, name: null });
    expect(findContainer(path)?.cgroup.includes(ID)).toBe(true);
  });
});

describe('where the name is the id, it is the name', () => {
  test.each([
    ['LXC', '/lxc.payload.web', 'lxc', 'web'],
    ['LXC, inner group', '/lxc.payload.web/.lxc', 'lxc', 'web'],
    ['LXC, a service in it', '/lxc.payload.web-1/system.slice/ssh.service', 'lxc', 'web-1'],
    ['LXC 3 and older', '/lxc/web/init.scope', 'lxc', 'web'],
    ['LXD 4', '/lxc.payload/web', 'lxc', 'web'],
    [
      'nspawn, scope',
      String.raw`/machine.slice/machine-debian\x2d12.scope`,
      'systemd-nspawn',
      'debian-12',
    ],
    [
      'nspawn, service',
      '/machine.slice/systemd-nspawn@web.service/payload/init.scope',
      'systemd-nspawn',
      'web',
    ],
    [
      'libvirt',
      String.raw`/machine.slice/machine-lxc\x2d4711\x2dweb.scope/libvirt`,
      'libvirt-lxc',
      'web',
    ],
  ])('%s', (_, path, engine, name) => {
    expect(findContainer(path)).toMatchObject({ engine, containerId: name, name, podUid: null });
  });
});

test('the innermost container counts', () => {
  expect(findContainerId(`/docker/${OTHER}/docker/${ID}`)).toBe(ID);
  expect(findContainerId(`/system.slice/docker-${OTHER}.scope/docker/${ID}/init`)).toBe(ID);
  expect(findContainer(`/lxc.payload.outer/system.slice/docker-${ID}.scope`)?.engine).toBe(
    'docker',
  );
});

describe('who watches over a container is not in it', () => {
  test.each([
    ['Podman', `/machine.slice/libpod-conmon-${ID}.scope`],
    ['CRI-O', `/system.slice/crio-conmon-${ID}.scope`],
    [
      'CRI-O under Kubernetes',
      `/kubepods.slice/kubepods-pod${SLICE_POD}.slice/crio-conmon-${ID}.scope`,
    ],
    ['LXC', '/lxc.monitor.web'],
    ['nspawn', '/machine.slice/systemd-nspawn@web.service/supervisor'],
  ])('%s', (_, path) => {
    expect(findContainer(path)).toBeNull();
  });

  test('but may be in another one', () => {
    expect(findContainerId(`/docker/${OTHER}/libpod_parent/libpod-conmon-${ID}`)).toBe(OTHER);
  });
});

describe('no container where there is none', () => {
  test.each([
    ['a session', '/user.slice/user-1000.slice/session-3.scope'],
    ['the engine itself', '/system.slice/docker.service'],
    ['a pod without a container', `/kubepods.slice/kubepods-pod${SLICE_POD}.slice`],
    ['a virtual machine', String.raw`/machine.slice/machine-qemu\x2d1\x2dvm.scope`],
    ['too short', `/docker/${ID.slice(1)}`],
    ['too long', `/docker/${ID}0`],
    ['upper case', `/docker/${ID.toUpperCase()}`],
    ['part of a name', `/system.slice/backup${ID}.service`],
    ['the root', '/'],
    ['nothing', ''],
  ])('%s', (_, path) => {
    expect(findContainer(path)).toBeNull();
  });
});

test('the group of a container is the one named after it, whatever lies below', () => {
  const group = `/machine.slice/libpod-${ID}.scope`;
  expect(findContainer(`${group}/container/init.scope`)?.cgroup).toBe(group);
  expect(listGroupsAbove('/a/b/c')).toEqual(['/a/b/c', '/a/b', '/a']);
  expect(listGroupsAbove('/')).toEqual([]);
});
