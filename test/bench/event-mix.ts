/**
 * The events of a container host: containers come with six namespaces and a few processes each, commands
 * run in them for a short while, and they end. Legal for the fold, the same at every run.
 */
import type { Bounds } from '../../src/domain/bounds.ts';
import { startDraft, type Draft } from '../../src/domain/draft.ts';
import type { AuditEvent } from '../../src/domain/event.ts';
import {
  INITIAL_INUMS,
  NAMESPACE_TYPES,
  type NamespaceType,
} from '../../src/domain/namespace-type.ts';

const OWN_TYPES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'] as const;
const LIVE_CONTAINERS = 60;
const FIRST_INUM = 4_026_532_200;
const START_US = 1_795_305_600_000_000;
const BOOT = '0d5b4b9e-3f61-4c66-9a51-6f0f7c1f2ab3';
const COMMS = ['nginx', 'postgres', 'node', 'sh', 'runc:[2:INIT]'];

interface Member {
  readonly holder: number;
  readonly pid: number;
}

interface Container {
  readonly lifespans: {
    readonly id: number;
    readonly type: NamespaceType;
    readonly inum: number;
  }[];
  readonly set: number;
  /** Its place among the control groups. */
  readonly number: number;
  /** Members that stay until the container ends. */
  readonly processes: Member[];
  readonly bindMount: number;
}

/** A command that runs in a container: a few processes that come and go together. */
interface Command {
  readonly container: Container;
  readonly processes: Member[];
  readonly endsAtTick: number;
}

interface Model {
  /** Of one batch: nobody could hold all that ten million events are. */
  draft: Draft;
  readonly tickUs: number;
  readonly initial: number[];
  readonly containers: Container[];
  readonly commands: Command[];
  readonly freeInums: number[];
  nextInum: number;
  nextPid: number;
  tick: number;
  random: () => number;
}

export interface EventMix {
  /**
   * The events of the next scan: `count` of them, new objects, as the rules would have just derived them.
   * A tenth are births, a seventh ends, the rest holders gained and lost with their facts.
   */
  next(count: number): AuditEvent[];
}

/** `tickUs`: how much later, in microseconds, the next thing happens. */
export function startEventMix(tickUs = 3_000): EventMix {
  const model = startModel(tickUs);
  let pending: AuditEvent[] = [];
  return {
    next(count) {
      while (pending.length + model.draft.events.length < count) {
        model.tick += 1;
        step(model);
      }
      pending.push(...model.draft.events);
      model.draft = startDraft(model.draft.nextSeq() - 1, START_US);
      const at = START_US + model.tick * tickUs;
      const events = pending.slice(0, count);
      pending = pending.slice(count);
      return events.map((event) => ({ ...event, at }));
    },
  };
}

function startModel(tickUs: number): Model {
  const draft = startDraft(0, START_US);
  draft.add({
    event: 'boot.started',
    boot: BOOT,
    kernel: '6.18.0',
    anchor: START_US - 60_000_000,
    offsetUs: 0,
    previousBoot: null,
  });
  const initial = NAMESPACE_TYPES.map((type) =>
    addBirth({ draft, tickUs, tick: 0 }, type, INITIAL_INUMS[type]),
  );
  return {
    draft,
    tickUs,
    initial,
    containers: [],
    commands: [],
    freeInums: [],
    nextInum: FIRST_INUM,
    nextPid: 1_000,
    tick: 0,
    random: createRandom(7),
  };
}

/** Park and Miller: the same numbers everywhere. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Containers end one in sixteen times, and a new one takes the place; otherwise a command runs. */
const END_SHARE = 1 / 16;
const COMMAND_TICKS = 6;
const CONTROL_GROUPS = 97;

function step(model: Model): void {
  const { containers, commands, random, tick } = model;
  while (commands[0] && commands[0].endsAtTick <= tick) {
    endCommand(model, commands.shift());
  }
  if (containers.length < LIVE_CONTAINERS) {
    containers.push(startContainer(model));
    return;
  }
  const container = containers[Math.floor(random() * containers.length)];
  if (!container) {
    return;
  }
  if (random() < END_SHARE) {
    for (const command of commands.filter((running) => running.container === container)) {
      commands.splice(commands.indexOf(command), 1);
      endCommand(model, command);
    }
    endContainer(model, container);
    containers.splice(containers.indexOf(container), 1);
    return;
  }
  const processes = addProcesses(model, container, 1 + Math.floor(random() * 4));
  commands.push({ container, processes, endsAtTick: tick + COMMAND_TICKS });
}

function endCommand(model: Model, command: Command | undefined): void {
  for (const process of command?.processes ?? []) {
    addLoss(model, {
      ...process,
      kind: 'process',
      set: command?.container.set ?? null,
      lifespan: null,
    });
  }
}

function addProcesses(
  model: Model,
  container: Pick<Container, 'set' | 'number'>,
  count: number,
): Member[] {
  return Array.from({ length: count }, () => addProcess(model, container, null));
}

function startContainer(model: Model): Container {
  const { draft, initial, random } = model;
  const lifespans = OWN_TYPES.map((type) => {
    const inum = model.freeInums.pop() ?? model.nextInum++;
    return { id: addBirth(model, type, inum), type, inum };
  });
  const shared = initial.filter(
    (_, index) => !OWN_TYPES.some((type) => type === NAMESPACE_TYPES[index]),
  );
  const container = { set: draft.nextSeq(), number: model.tick % CONTROL_GROUPS };
  const first = addProcess(model, container, [...shared, ...lifespans.map(({ id }) => id)]);
  const others = addProcesses(model, container, Math.floor(random() * 8));
  const bindMount = draft.add({
    ...NOBODY,
    event: 'holder.gained',
    kind: 'bind-mount',
    set: null,
    lifespan: findNet(lifespans),
    path: `/run/docker/netns/${model.tick.toString(16).padStart(12, 'c0ffee')}`,
    mountNamespace: initial[NAMESPACE_TYPES.indexOf('mnt')] ?? null,
    type: 'net',
    namespaces: null,
    from: bounds(model),
  });
  return { ...container, lifespans, processes: [first, ...others], bindMount };
}

function findNet(lifespans: Container['lifespans']): number {
  return lifespans.find(({ type }) => type === 'net')?.id ?? 0;
}

function endContainer(model: Model, container: Container): void {
  for (const process of container.processes) {
    addLoss(model, { ...process, kind: 'process', set: container.set, lifespan: null });
  }
  const net = findNet(container.lifespans);
  addLoss(model, {
    holder: container.bindMount,
    pid: null,
    kind: 'bind-mount',
    set: null,
    lifespan: net,
  });
  for (const { id, type, inum } of container.lifespans) {
    const subject = { lifespan: id, type, inum };
    model.draft.add({ event: 'namespace.unheld', ...subject, unheld: bounds(model) });
    const gone = bounds(model);
    model.draft.add({ event: 'namespace.disappeared', ...subject, reason: 'vanished', gone });
    model.freeInums.push(inum);
  }
}

const NOBODY = {
  how: null,
  ancestors: null,
  observer: null,
  pid: null,
  tid: null,
  startTimeTicks: null,
  fd: null,
  path: null,
  mountNamespace: null,
  socketInode: null,
  interface: null,
  namespace: null,
  ppid: null,
  comm: null,
  exe: null,
  uid: null,
  gid: null,
  loginuid: null,
  session: null,
  cgroup: null,
  containerId: null,
};

function addBirth(
  { draft, tick, tickUs }: Pick<Model, 'draft' | 'tick' | 'tickUs'>,
  type: NamespaceType,
  inum: number,
): number {
  const isInitial = inum < FIRST_INUM;
  return draft.add({
    event: 'namespace.born',
    lifespan: draft.nextSeq(),
    type,
    inum,
    boot: BOOT,
    nsfsDev: '0:4',
    kernelNamespaceId: null,
    incarnation: tick + 1,
    initial: isInitial,
    suspected: false,
    born: bounds({ tick, tickUs }),
    creator: isInitial
      ? null
      : {
          pid: tick + 1_000,
          startTimeTicks: tick * 7,
          ...makeFacts(tick, tick % CONTROL_GROUPS),
          how: null,
          evidence: 'scan',
        },
    owner: null,
    parent: null,
    ownerUid: null,
  });
}

function addProcess(
  model: Model,
  { set, number }: Pick<Container, 'set' | 'number'>,
  namespaces: number[] | null,
): Member {
  const pid = model.nextPid;
  model.nextPid += 1;
  const holder = model.draft.add({
    ...NOBODY,
    event: 'holder.gained',
    kind: 'process',
    set,
    lifespan: null,
    pid,
    startTimeTicks: model.tick * 7,
    ...makeFacts(model.tick, number),
    how: 'fork',
    type: null,
    namespaces,
    from: bounds(model),
  });
  return { holder, pid };
}

interface Loss {
  readonly holder: number;
  readonly pid: number | null;
  readonly kind: 'process' | 'bind-mount';
  readonly set: number | null;
  readonly lifespan: number | null;
}

function addLoss(model: Model, loss: Loss): void {
  model.draft.add({ event: 'holder.lost', ...loss, type: null, how: null, to: bounds(model) });
}

/** `number`: of the control group, which is that of the container. */
function makeFacts(tick: number, number: number) {
  const containerId = number.toString(16).padStart(64, 'ab');
  return {
    ppid: 1,
    comm: COMMS[tick % COMMS.length] ?? 'sh',
    exe: '/usr/sbin/nginx',
    uid: 33,
    gid: 33,
    loginuid: null,
    session: null,
    cgroup: `/system.slice/docker-${containerId}.scope`,
    containerId,
  };
}

function bounds({ tick, tickUs }: Pick<Model, 'tick' | 'tickUs'>): Bounds {
  const by = START_US + tick * tickUs;
  return { after: by - 1_000_000, by, evidence: 'scan' };
}
