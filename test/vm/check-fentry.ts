/**
 * Runs in the guest: loads one trampoline through koffi and libbpf and sees it fire. Ends with status 1
 * when it does not, so that a kernel that refuses trampolines is not mistaken for a failing nsaudit.
 *
 *   node dist/test/vm/check-fentry.js OBJECT
 */
import { spawnSync } from 'node:child_process';
import koffi from 'koffi';

const BIRTHS_WANTED = 3;

const libbpf = koffi.load('libbpf.so.1');
const openObject = libbpf.func(
  'void *bpf_object__open_file(const char *path, const void *options)',
);
const loadObject = libbpf.func('int bpf_object__load(void *object)');
const findProgram = libbpf.func(
  'void *bpf_object__find_program_by_name(void *object, const char *name)',
);
const attach = libbpf.func('void *bpf_program__attach(void *program)');
const findMap = libbpf.func('int bpf_object__find_map_fd_by_name(void *object, const char *name)');
const lookUp = libbpf.func(
  'int bpf_map_lookup_elem(int fd, const void *key, _Out_ uint64_t *value)',
);

/** How many UTS namespaces the trampoline counted while `unshare -u true` ran BIRTHS_WANTED times; or what failed. */
function countBirths(objectPath: string): number | string {
  // Since libbpf 1.0 a failure is a null pointer or a negative errno (libbpf.h, LIBBPF_STRICT_DIRECT_ERRS).
  const object: unknown = openObject(objectPath, null);
  if (object === null) {
    return `${objectPath} cannot be opened`;
  }
  const loaded = Number(loadObject(object));
  if (loaded !== 0) {
    return `the kernel refused to load it: errno ${-loaded}`;
  }
  const program: unknown = findProgram(object, 'on_copy_utsname');
  if (program === null || attach(program) === null) {
    return 'the kernel refused to attach it';
  }
  for (let birth = 0; birth < BIRTHS_WANTED; birth += 1) {
    spawnSync('unshare', ['-u', 'true']);
  }
  const value = [0];
  lookUp(Number(findMap(object, 'births')), Buffer.alloc(4), value);
  return value[0] ?? 0;
}

const counted = countBirths(process.argv[2] ?? '');
const works = typeof counted === 'number' && counted >= BIRTHS_WANTED;
process.stdout.write(
  works
    ? `trampolines: fentry/copy_utsname fired ${counted} times for ${BIRTHS_WANTED} births\n`
    : `FAILED trampolines: ${typeof counted === 'string' ? counted : `fired ${counted} times for ${BIRTHS_WANTED} births`}\n`,
);
// The link and the object go with the process.
process.exitCode = works ? 0 : 1;
