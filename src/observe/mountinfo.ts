/**
 * Parses /proc/PID/mountinfo, as bytes: a mount point is a path, and a path is any bytes but NUL.
 *
 * Source: proc_pid_mountinfo(5); kernel fs/proc_namespace.c show_mountinfo, which writes space, tab,
 * newline, backslash and in some fields `#` as a backslash and three octal digits.
 */

export interface MountinfoEntry {
  /** No other mount of the host has it while this one is mounted. */
  readonly mountId: number;
  /** `major:minor` of st_dev. */
  readonly device: string;
  /** The part of the file system that is mounted; for nsfs `net:[4026532268]`. */
  readonly root: string;
  readonly mountPoint: string;
  readonly fileSystem: string;
  readonly superOptions: string;
}

const NEWLINE = 0x0a;
/** Stands between the optional fields and the file system type. */
const SEPARATOR = ' - ';
const OCTAL_ESCAPE = /\\([0-3][0-7]{2})/g;

/** One entry for each line that mounts `fileSystem`; lines that are no mountinfo are left out. */
export function parseMountinfo(content: Buffer, fileSystem: string): MountinfoEntry[] {
  const entries: MountinfoEntry[] = [];
  const wanted = Buffer.from(`${SEPARATOR}${fileSystem} `);
  // Mountinfo of a busy host is megabytes, and hardly a line of it is asked for: only those are decoded.
  for (let hit = content.indexOf(wanted); hit >= 0; hit = content.indexOf(wanted, hit)) {
    const start = content.lastIndexOf(NEWLINE, hit) + 1;
    const newline = content.indexOf(NEWLINE, hit);
    const end = newline < 0 ? content.length : newline;
    const entry = parseLine(content.toString('latin1', start, end));
    if (entry?.fileSystem === fileSystem) {
      entries.push(entry);
    }
    hit = end;
  }
  return entries;
}

function parseLine(line: string): MountinfoEntry | undefined {
  // The kernel escapes spaces in every field, so the first separator is the real one.
  const separator = line.indexOf(SEPARATOR);
  if (separator < 0) {
    return undefined;
  }
  const [mountId, , device, root, mountPoint] = line.slice(0, separator).split(' ');
  const [fileSystem, , superOptions] = line.slice(separator + SEPARATOR.length).split(' ');
  if (
    device === undefined ||
    root === undefined ||
    mountPoint === undefined ||
    fileSystem === undefined
  ) {
    return undefined;
  }
  return {
    mountId: Number(mountId),
    device,
    root: decodeField(root),
    mountPoint: decodeField(mountPoint),
    fileSystem: decodeField(fileSystem),
    superOptions: decodeField(superOptions ?? ''),
  };
}

/** `field` holds one byte per character. Escapes are undone first: they may be part of a multi-byte character. */
function decodeField(field: string): string {
  const bytes = field.replaceAll(OCTAL_ESCAPE, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
