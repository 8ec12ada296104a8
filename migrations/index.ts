/**
 * The schema history of both databases, oldest first. A migration that has been released is never edited.
 *
 * Holds:     one ordered map per database; the keys are what the migrator records.
 * Does not:  see today's types: a migration imports nothing of src.
 */
import type { Migration } from 'kysely';
import * as log0001 from './0001-log.ts';
import * as read0001 from './0001-read.ts';
import * as log0002 from './0002-log.ts';
import * as read0002 from './0002-read.ts';
import * as log0003 from './0003-log.ts';
import * as read0003 from './0003-read.ts';
import * as read0004 from './0004-read.ts';
import * as read0005 from './0005-read.ts';
import * as read0006 from './0006-read.ts';
import * as read0007 from './0007-read.ts';
import * as read0008 from './0008-read.ts';

export const logMigrations: Readonly<Record<string, Migration>> = {
  '0001-log': log0001,
  '0002-log': log0002,
  '0003-log': log0003,
};
export const readMigrations: Readonly<Record<string, Migration>> = {
  '0001-read': read0001,
  '0002-read': read0002,
  '0003-read': read0003,
  '0004-read': read0004,
  '0005-read': read0005,
  '0006-read': read0006,
  '0007-read': read0007,
  '0008-read': read0008,
};
