/**
 * Facts about a process, resolved while it is there: later resolution by pid would name another process.
 *
 * Command lines are left out on purpose: they may hold secrets.
 * Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_exe(5), proc_pid_loginuid(5), proc_pid_cgroup(5).
 */
import { z } from 'zod';

const id = z.number().int().nonnegative();

export const processFactsSchema = z.object({
  ppid: id.nullable().default(null),
  comm: z.string().nullable().default(null),
  exe: z.string().nullable().default(null),
  uid: id.nullable().default(null),
  gid: id.nullable().default(null),
  loginuid: id.nullable().default(null),
  session: id.nullable().default(null),
  cgroup: z.string().nullable().default(null),
  containerId: z.string().nullable().default(null),
});

/** Null for a fact that does not exist (no login, kernel thread without exe) or could not be read. Uid and gid are the real ones. */
export type ProcessFacts = z.infer<typeof processFactsSchema>;

/** Of a holder that is no process, or of one about which nothing could be learnt. */
export const NO_FACTS: ProcessFacts = {
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
