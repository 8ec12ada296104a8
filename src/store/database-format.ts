/** What marks a database as ours, and the version that its migrations lead to. */
export interface DatabaseFormat {
  readonly name: 'log.db' | 'read.db';
  /** `PRAGMA application_id`: tells our databases from those of other programs. */
  readonly applicationId: number;
  /** `PRAGMA user_version`: how many migrations made it. A constant, so that readers need not load them. */
  readonly version: number;
}

/** The application id is the bytes `nsal`. */
export const LOG_FORMAT: DatabaseFormat = { name: 'log.db', applicationId: 0x6e73616c, version: 3 };

/** The application id is the bytes `nsar`. */
export const READ_FORMAT: DatabaseFormat = {
  name: 'read.db',
  applicationId: 0x6e736172,
  version: 8,
};
