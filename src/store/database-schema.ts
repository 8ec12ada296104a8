/**
 * The rows of both databases, as better-sqlite3 gives and takes them. Migrations decide; a test compares.
 *
 * INTEGER is number: every stored integer is below 2^53, the kernel's u64 ids are TEXT.
 */
export interface SchemaEntry {
  readonly type: string;
  readonly name: string;
  /** The table that it is, or is on. */
  readonly tableName: string;
  /** Null for what SQLite makes by itself. */
  readonly sql: string | null;
}

/** Every SchemaEntry: a name that begins as those of SQLite do could be anybody's. */
export const LIST_SCHEMA =
  'SELECT type, name, tbl_name AS tableName, sql FROM sqlite_schema ORDER BY type, name';

export interface MetaRow {
  key: 'format_version' | 'log_id' | 'host' | 'created_us';
  value: string;
}

export interface BatchRow {
  batch: number;
  producer: string;
  producer_seq: number;
  first_seq: number;
  event_count: number;
  at_us: number;
  wall_us: number;
  prev_hash: Buffer;
  hash: Buffer;
}

export interface EventRow {
  seq: number;
  batch: number;
  event: string;
  version: number;
  at_us: number;
  body: string;
  leaf: Buffer;
}

export interface TreeNodeRow {
  level: number;
  position: number;
  hash: Buffer;
}

export interface PrunedRow {
  id: number;
  last_seq: number;
  last_batch: number;
  batch_hash: Buffer;
  last_at_us: number;
  edge: Buffer;
  event_seq: number;
}

export interface RetainedRow {
  record: string;
  id: number;
  body: string;
}

export interface LogDatabase {
  meta: MetaRow;
  batch: BatchRow;
  event: EventRow;
  tree_node: TreeNodeRow;
  pruned: PrunedRow;
  retained: RetainedRow;
}

export interface ProjectionRow {
  name: string;
  version: number;
  position: number;
  batch_hash: Buffer;
  log_id: string;
  host: string;
  last_at_us: number;
  is_collecting: number;
  pruned_seq: number;
}

export interface LiveRow {
  id: number;
  scan_started_us: number;
  scan_ended_us: number;
  position: number;
  scan_interval_us: number;
  watched_us: number | null;
}

export interface BootRow {
  seq: number;
  boot: string;
  kernel: string;
  anchor_us: number;
}

export interface WallOffsetRow {
  from_us: number;
  offset_us: number;
}

export interface LifespanTableRow {
  id: number;
  boot: string;
  type: string;
  nsfs_dev: string | null;
  inum: number;
  kernel_namespace_id: string | null;
  incarnation: number;
  initial: number;
  suspected: number;
  born_after_us: number | null;
  born_by_us: number;
  born_evidence: string;
  init_ended_after_us: number | null;
  init_ended_by_us: number | null;
  init_ended_evidence: string | null;
  unheld_after_us: number | null;
  unheld_by_us: number | null;
  unheld_evidence: string | null;
  unreferenced_after_us: number | null;
  unreferenced_by_us: number | null;
  unreferenced_evidence: string | null;
  gone_after_us: number | null;
  gone_by_us: number | null;
  gone_evidence: string | null;
  reason: string | null;
  from_us: number;
  to_us: number;
  class: number;
  creator: string | null;
  creator_uid: number | null;
  creator_comm: string | null;
  owner: number | null;
  parent: number | null;
  owner_uid: number | null;
  names: string;
  nsids: string;
  counted_references: string | null;
}

export interface HolderCountRow {
  lifespan: number;
  holders_now: number;
  holders_ever: number;
}

/** A lifespan with its counts and containers (JSON array of control groups), as everybody reads it. */
export type LifespanRow = LifespanTableRow &
  Omit<HolderCountRow, 'lifespan'> & { containers: string };

export interface ContainerUseRow {
  lifespan: number;
  place: number;
  cgroup: string;
}

export interface NamespaceSetRow {
  id: number;
  lifespan: number;
  counted: number;
}

export interface OpenSetRow {
  id: number;
}

export interface HolderRow {
  id: number;
  kind: string;
  set_id: number | null;
  lifespan: number | null;
  pid: number | null;
  tid: number | null;
  start_time_ticks: number | null;
  fd: number | null;
  path: string | null;
  mount_namespace: number | null;
  socket_inode: number | null;
  interface: string | null;
  namespace: number | null;
  ppid: number | null;
  comm: string | null;
  exe: string | null;
  uid: number | null;
  gid: number | null;
  loginuid: number | null;
  session: number | null;
  cgroup: string | null;
  container_id: string | null;
  how: string | null;
  ancestors: string | null;
  observer: number;
  gained_after_us: number | null;
  gained_by_us: number;
  gained_evidence: string;
  lost_after_us: number | null;
  lost_by_us: number | null;
  lost_evidence: string | null;
  from_us: number;
  to_us: number;
  class: number;
}

export interface CoverageRow {
  seq: number;
  source: string;
  from_us: number;
  to_us: number;
  last_scan_us: number;
  scans: number;
  minimum_lifetime_us: number;
  scan_duration_us_max: number;
  scan_interval_us_median: number;
  processes: number;
  complete: number;
  unreadable: string;
  first_scan_us: number;
}

export interface GapRow {
  seq: number;
  source: string;
  lost: number | null;
  from_us: number;
  to_us: number;
  reason: string;
  closed_seq: number | null;
  recovered: number | null;
  inferred: number | null;
  unknown: number | null;
}

export interface SpanClassRow {
  table_name: string;
  class: number;
  width_us: number;
}

export interface IncarnationRow {
  boot: string;
  inum: number;
  lives: number;
}

export interface StormRow {
  seq: number;
  type: string;
  creator: string;
  creator_uid: number | null;
  creator_comm: string | null;
  creators: string;
  count: number;
  first_kernel_namespace_id: string | null;
  last_kernel_namespace_id: string | null;
  from_us: number;
  to_us: number;
}

export interface CreatorRow {
  id: number;
  key: string;
  uid: number | null;
  loginuid: number | null;
  comm: string | null;
  exe: string | null;
  container_id: string | null;
}

export interface CreationRow {
  type: number;
  width_us: number;
  from_us: number;
  creator: number;
  born: number;
  stormed: number;
  first_by_us: number;
  last_by_us: number;
  types: number;
  seen_by: number;
}

export interface ContainerRow {
  seq: number;
  cgroup: string;
  engine: string | null;
  container_id: string;
  name: string | null;
  pod_uid: string | null;
}

export interface ReadDatabase {
  projection: ProjectionRow;
  live: LiveRow;
  boot: BootRow;
  wall_offset: WallOffsetRow;
  container_use: ContainerUseRow;
  lifespan: LifespanTableRow;
  holder_count: HolderCountRow;
  namespace_set: NamespaceSetRow;
  open_set: OpenSetRow;
  holder: HolderRow;
  coverage: CoverageRow;
  gap: GapRow;
  span_class: SpanClassRow;
  incarnation: IncarnationRow;
  storm: StormRow;
  container: ContainerRow;
  creator: CreatorRow;
  creation: CreationRow;
}
