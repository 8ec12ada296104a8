/**
 * Network namespace ids, in a network namespace that the test makes: what iproute2 gives and lists there is
 * what the record says, and the kernel's notice that one was taken back is the end of a life.
 */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAIN_FILE } from '../cli/built-program.ts';
import { findObstacle, readRecord } from './lab.ts';
import { findCommand, findRoomObstacle, openRoom, until, type Room } from './room.ts';

const obstacle =
  findObstacle() ??
  findRoomObstacle() ??
  (findCommand('ip') === null ? 'no ip command' : null) ??
  (existsSync(MAIN_FILE) ? null : 'not built: run npm run build');
const NAME = `nsaudit-test-${process.pid}`;

let room: Room;

const findLife = (name = `/run/netns/${NAME}`) =>
  readRecord(room.stateDirectory).lifespans.find(({ names }) => names.includes(name));

describe.skipIf(obstacle).each(['procfs', 'auto'])(
  `network namespace ids, profile %s${obstacle ? ` — NOT RUN: ${obstacle}` : ''}`,
  (profile) => {
    beforeEach(async () => {
      room = await openRoom();
    });

    afterEach(async () => {
      await room.end();
    });

    test('an id is an interval between its gift and the end of the namespace, which the kernel tells', async () => {
      await room.collect('--profile', profile, '--scan-interval', '200ms');
      room.run('ip', 'netns', 'add', NAME);
      const bare = await until('the namespace', () => findLife());
      expect(bare.nsids).toEqual([]);
      room.run('ip', 'netns', 'set', NAME, '7');
      const given = await until('its id', () => findLife()?.nsids[0]);
      const own = readRecord(room.stateDirectory);
      const start = own.events.find(({ event }) => event === 'collector.started');
      const net = start?.event === 'collector.started' ? start.ownNamespaces['net'] : undefined;
      const observer = own.lifespans.find(({ id }) => id === given.observer);
      expect(observer).toMatchObject({ type: 'net', inum: net });
      expect(given).toMatchObject({ nsid: 7, to: null });
      expect(given.from.evidence).toBe('kernel-event');
      expect(given.from.after ?? 0).toBeLessThan(given.from.by);
      expect(room.run('ip', 'netns', 'list-id')).toContain('nsid 7 ');
      room.run('ip', 'netns', 'delete', NAME);
      const ended = await until('its end', () => {
        const life = findLife();
        return life?.gone ? life : undefined;
      });
      expect(ended.nsids).toHaveLength(1);
      expect(ended.nsids[0]?.to?.by ?? 0).toBeGreaterThan(given.from.by);
      expect(ended.unreferenced).not.toBeNull();
    });

    test('an id that the kernel gives for a veth pair is found, and one that is used again is another', async () => {
      await room.collect('--profile', profile, '--scan-interval', '200ms');
      for (const round of [1, 2]) {
        const name = `${NAME}-${round}`;
        room.run('ip', 'netns', 'add', name);
        room.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', name);
        const found = await until('its id', () => findLife(`/run/netns/${name}`)?.nsids[0]);
        expect(found).toMatchObject({ nsid: 0, to: null });
        room.run('ip', 'netns', 'delete', name);
        await until('its end', () => findLife(`/run/netns/${name}`)?.gone ?? undefined);
      }
    });

    test('what had an id before is found at the start, and a restart neither ends nor repeats it', async () => {
      room.run('ip', 'netns', 'add', NAME);
      room.run('ip', 'netns', 'set', NAME, '3');
      const first = await room.collect('--profile', profile, '--scan-interval', '200ms');
      const before = await until('its id', () => findLife()?.nsids[0]);
      expect(before).toMatchObject({ nsid: 3, from: { evidence: 'baseline', after: null } });
      first.kill('SIGTERM');
      await new Promise((done) => {
        first.on('exit', done);
      });
      await room.collect('--profile', profile, '--scan-interval', '200ms');
      room.run('ip', 'netns', 'add', `${NAME}-2`);
      room.run('ip', 'netns', 'set', `${NAME}-2`, '4');
      await until('the other id', () => findLife(`/run/netns/${NAME}-2`)?.nsids[0]);
      expect(findLife()?.nsids).toEqual([before]);
      room.run('ip', 'netns', 'delete', NAME);
      room.run('ip', 'netns', 'delete', `${NAME}-2`);
    });

    test('nobody was given an id because we asked', async () => {
      await room.collect('--profile', profile, '--scan-interval', '200ms');
      room.run('ip', 'netns', 'add', NAME);
      room.run('ip', 'netns', 'add', `${NAME}-2`);
      room.run('ip', 'netns', 'set', NAME, '5');
      await until('its id', () => findLife()?.nsids[0]);
      await until('the other namespace', () => findLife(`/run/netns/${NAME}-2`));
      expect(room.run('ip', 'netns', 'list-id')).toBe(`nsid 5 (iproute2 netns name: ${NAME})`);
      expect(findLife(`/run/netns/${NAME}-2`)?.nsids).toEqual([]);
      room.run('ip', 'netns', 'delete', NAME);
      room.run('ip', 'netns', 'delete', `${NAME}-2`);
    });
  },
);
