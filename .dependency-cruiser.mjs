/**
 * The room table as rules. ARCHITECTURE.md explains the rooms; this file enforces them.
 *
 * Type-only imports count (tsPreCompilationDeps): whoever reads a file has to read what its types name.
 * Run by .ci/check-rooms.mjs, which also refuses a run that did not see every source file.
 */

/** @typedef {import('dependency-cruiser').IForbiddenRuleType} ForbiddenRule */

/** What each room of src/ may import besides itself. 'migrations' is the folder at the top of the repository. */
const rooms = {
  domain: [],
  observe: ['domain'],
  store: ['domain', 'migrations'],
  projections: ['domain', 'store'],
  history: ['domain', 'store'],
  collector: ['domain', 'observe', 'store', 'projections'],
  api: ['domain', 'history'],
  cli: ['domain', 'observe', 'store', 'projections', 'history', 'collector', 'api', 'migrations'],
};

/** The rooms that may hold a database handle; everyone else asks one of them. */
const databaseRooms = ['store', 'projections', 'history', 'cli'];

/**
 * Matches npm packages: their files, also when node_modules is reached through a link, and their bare
 * names where they are not installed.
 *
 * @param {string[]} names
 */
function packagePath(names) {
  return `(^|/)node_modules/(@types/)?(${names.join('|')})/|^(${names.join('|')})$`;
}

/**
 * Matches files of rooms, or of the migrations folder.
 *
 * @param {string[]} names
 */
function roomPath(names) {
  return `^(${names.map((name) => (name === 'migrations' ? name : `src/${name}`)).join('|')})/`;
}

/**
 * @param {[string, string[]]} row
 * @returns {ForbiddenRule}
 */
function roomRule([room, others]) {
  const may = [room, ...others];
  return {
    name: `${room}-reaches-too-far`,
    comment:
      `src/${room} may import only: ${may.join(', ')}. Pass the value in from the caller, or move the ` +
      'code to the room that may know both. The room table is in ARCHITECTURE.md.',
    severity: 'error',
    from: { path: roomPath([room]) },
    to: { path: '^(src|migrations|test)/', pathNot: roomPath(may) },
  };
}

/** @type {ForbiddenRule} */
const knownRooms = {
  name: 'every-room-is-in-the-table',
  comment:
    'Put the file into one of the rooms, or add the new room to .dependency-cruiser.mjs and ARCHITECTURE.md.',
  severity: 'error',
  from: { path: '^src/', pathNot: roomPath(Object.keys(rooms)) },
  to: {},
};

/** @type {ForbiddenRule[]} */
const forbidden = [
  {
    name: 'no-circular',
    comment:
      'Two files that need each other are one file, or share a third: move the shared part there. Types count.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'domain-is-pure',
    comment:
      'Rules of the domain know no I/O and no clock. Do the I/O in another room and pass its result in.',
    severity: 'error',
    from: { path: roomPath(['domain']) },
    to: { pathNot: `${roomPath(['domain'])}|${packagePath(['zod'])}` },
  },
  {
    name: 'migrations-are-frozen',
    comment:
      "A migration must mean the same in ten years: it may import kysely and its siblings, never today's source.",
    severity: 'error',
    from: { path: roomPath(['migrations']) },
    to: { pathNot: `${roomPath(['migrations'])}|${packagePath(['kysely'])}` },
  },
  {
    name: 'nobody-imports-cli',
    comment:
      'src/cli puts the rooms together; what others need from it belongs in the room that needs it.',
    severity: 'error',
    from: { path: '^(src|migrations)/', pathNot: roomPath(['cli']) },
    to: { path: roomPath(['cli']) },
  },
  {
    name: 'database-handles-stay-in-their-rooms',
    comment: `Only src/${databaseRooms.join(', src/')} may import better-sqlite3, even as a type. Ask src/store or src/history.`,
    severity: 'error',
    from: { path: '^src/', pathNot: roomPath(databaseRooms) },
    to: { path: packagePath(['better-sqlite3']) },
  },
  {
    name: 'api-never-loads-kernel-access',
    comment:
      'The API process runs unprivileged and must not be able to load koffi, not even through another module. Keep it behind src/observe.',
    severity: 'error',
    from: { path: roomPath(['api']) },
    to: { path: packagePath(['koffi']), reachable: true },
  },
  {
    name: 'kernel-access-stays-in-observe',
    comment: 'Only src/observe calls the kernel through koffi. Add what you need to a file there.',
    severity: 'error',
    from: { path: '^(src|migrations)/', pathNot: roomPath(['observe']) },
    to: { path: packagePath(['koffi']) },
  },
  {
    name: 'not-to-dev-dependency',
    comment:
      'An installed nsaudit has no devDependencies. Move the package to dependencies in package.json.',
    severity: 'error',
    from: { path: '^(src|migrations)/' },
    to: {
      dependencyTypes: ['npm-dev'],
      dependencyTypesNot: ['type-only'],
      pathNot: '(^|/)node_modules/@types/',
    },
  },
  knownRooms,
  ...Object.entries(rooms).map(roomRule),
];

export default {
  forbidden,
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js'] },
  },
};
