import { describe, expect, test } from 'vitest';
import { findContainerId, processFactsSchema } from '../../src/domain/process-facts.ts';

const ID = '0123456789abcdef'.repeat(4);
const OTHER = 'fedcba9876543210'.repeat(4);

describe('the container id in a cgroup path', () => {
  test.each([
    ['Docker, cgroupfs', `/docker/${ID}`],
    ['Docker, systemd', `/system.slice/docker-${ID}.scope`],
    ['Podman', `/machine.slice/libpod-${ID}.scope`],
    ['Podman, payload', `/machine.slice/libpod-${ID}.scope/container`],
    [
      'containerd under Kubernetes',
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1b2c.slice/cri-containerd-${ID}.scope`,
    ],
    ['CRI-O', `/kubepods.slice/kubepods-pod1b2c.slice/crio-${ID}.scope`],
    ['CRI-O, systemd prefix', `/kubepods.slice/kubepods-pod1b2c.slice:crio:${ID}`],
    ['cgroup v1', `/kubepods/burstable/pod1b2c/${ID}`],
  ])('%s', (_, path) => {
    expect(findContainerId(path)).toBe(ID);
  });

  test('is that of the innermost container', () => {
    expect(findContainerId(`/docker/${OTHER}/docker/${ID}`)).toBe(ID);
    expect(findContainerId(`/system.slice/docker-${OTHER}.scope/docker/${ID}/init`)).toBe(ID);
  });

  test.each([
    ['none there', '/user.slice/user-1000.slice/session-3.scope'],
    ['too short', `/docker/${ID.slice(1)}`],
    ['too long', `/docker/${ID}0`],
    ['upper case', `/docker/${ID.toUpperCase()}`],
    ['part of a name', `/system.slice/backup${ID}.service`],
    ['the root', '/'],
    ['nothing', ''],
  ])('is null where there is none: %s', (_, path) => {
    expect(findContainerId(path)).toBeNull();
  });
});

test('a fact that is missing is null, not absent', () => {
  const facts = processFactsSchema.parse({ comm: 'sleep' });
  expect(facts).toEqual({
    ppid: null,
    comm: 'sleep',
    exe: null,
    uid: null,
    gid: null,
    loginuid: null,
    session: null,
    cgroup: null,
    containerId: null,
  });
});

test('a negative id is no fact', () => {
  expect(processFactsSchema.safeParse({ uid: -1 }).success).toBe(false);
});
