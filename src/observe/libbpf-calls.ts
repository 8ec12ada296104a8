/** The C signatures of what we call in libbpf.so.1, and nothing else. See libbpf.ts for what the results mean. */
import type * as Koffi from 'koffi';
import type { Pointer } from './libc.ts';

// What koffi binds is checked against LibbpfCalls by eye only: C knows no signatures at run time.
type BoundCall = ReturnType<Koffi.LibraryHandle['func']>;

type PrintCallback = (level: number, format: Pointer, values: Pointer) => number;

export interface LibbpfCalls {
  /** Installed for the whole process and for good: libbpf has one print function. */
  setPrint(callback: PrintCallback): void;
  openFile(path: string, options: null): Pointer | null;
  loadObject(object: Pointer): number;
  closeObject(object: Pointer): void;
  nextProgram(object: Pointer, last: Pointer | null): Pointer | null;
  nextMap(object: Pointer, last: Pointer | null): Pointer | null;
  programName(program: Pointer): string;
  programSection(program: Pointer): string;
  programFd(program: Pointer): number;
  setAutoload(program: Pointer, isLoaded: boolean): number;
  attach(program: Pointer): Pointer | null;
  attachIterator(program: Pointer, options: null): Pointer | null;
  mapName(map: Pointer): string;
  mapFd(map: Pointer): number;
  setAutocreate(map: Pointer, isCreated: boolean): number;
  setMaxEntries(map: Pointer, count: number): number;
  reuseMap(map: Pointer, fd: number): number;
  pinMap(map: Pointer, path: string): number;
  linkFd(link: Pointer): number;
  pinLink(link: Pointer, path: string): number;
  destroyLink(link: Pointer): number;
  createIterator(linkFd: number): number;
  getPinned(path: string): number;
  testRun(programFd: number, options: Buffer): number;
  getInfo(fd: number, info: Buffer, length: Buffer): number;
  lookup(map: number, key: Buffer, value: Buffer): number;
  update(map: number, key: Buffer, value: Buffer, flags: number): number;
  remove(map: number, key: Buffer): number;
  nextKey(map: number, key: Buffer | null, next: Buffer): number;
  lookupBatch(
    map: number,
    from: Buffer | null,
    next: Buffer,
    keys: Buffer,
    values: Buffer,
    count: Buffer,
    options: null,
  ): number;
  updateBatch(map: number, keys: Buffer, values: Buffer, count: Buffer, options: null): number;
  possibleCpus(): number;
  pinProgram(program: Pointer, path: string): number;
  loadKernelTypes(): Pointer | null;
  findType(types: Pointer, name: string, kind: number): number;
}

/** Throws what koffi throws when the library or one of its functions is missing. */
export function bindCalls(koffi: typeof Koffi): LibbpfCalls {
  const library = koffi.load('libbpf.so.1');
  const bind = (signature: string): BoundCall => library.func(signature);
  const print = koffi.proto('int (int, void *, void *)');
  const setPrint = library.func('libbpf_set_print', 'void *', [koffi.pointer(print)]);
  return {
    setPrint: (callback) => {
      setPrint(koffi.register(callback, koffi.pointer(print)));
    },
    openFile: bind('void *bpf_object__open_file(const char *, void *)'),
    loadObject: bind('int bpf_object__load(void *)'),
    closeObject: bind('void bpf_object__close(void *)'),
    nextProgram: bind('void *bpf_object__next_program(void *, void *)'),
    nextMap: bind('void *bpf_object__next_map(void *, void *)'),
    programName: bind('const char *bpf_program__name(void *)'),
    programSection: bind('const char *bpf_program__section_name(void *)'),
    programFd: bind('int bpf_program__fd(void *)'),
    setAutoload: bind('int bpf_program__set_autoload(void *, bool)'),
    attach: bind('void *bpf_program__attach(void *)'),
    attachIterator: bind('void *bpf_program__attach_iter(void *, void *)'),
    mapName: bind('const char *bpf_map__name(void *)'),
    mapFd: bind('int bpf_map__fd(void *)'),
    setAutocreate: bind('int bpf_map__set_autocreate(void *, bool)'),
    setMaxEntries: bind('int bpf_map__set_max_entries(void *, uint32_t)'),
    reuseMap: bind('int bpf_map__reuse_fd(void *, int)'),
    pinMap: bind('int bpf_map__pin(void *, const char *)'),
    linkFd: bind('int bpf_link__fd(void *)'),
    pinLink: bind('int bpf_link__pin(void *, const char *)'),
    destroyLink: bind('int bpf_link__destroy(void *)'),
    createIterator: bind('int bpf_iter_create(int)'),
    getPinned: bind('int bpf_obj_get(const char *)'),
    testRun: bind('int bpf_prog_test_run_opts(int, uint8_t *)'),
    getInfo: bind('int bpf_obj_get_info_by_fd(int, uint8_t *, uint8_t *)'),
    lookup: bind('int bpf_map_lookup_elem(int, uint8_t *, uint8_t *)'),
    update: bind('int bpf_map_update_elem(int, uint8_t *, uint8_t *, uint64_t)'),
    remove: bind('int bpf_map_delete_elem(int, uint8_t *)'),
    nextKey: bind('int bpf_map_get_next_key(int, uint8_t *, uint8_t *)'),
    lookupBatch: bind(
      'int bpf_map_lookup_batch(int, uint8_t *, uint8_t *, uint8_t *, uint8_t *, uint8_t *, void *)',
    ),
    updateBatch: bind('int bpf_map_update_batch(int, uint8_t *, uint8_t *, uint8_t *, void *)'),
    possibleCpus: bind('int libbpf_num_possible_cpus(void)'),
    pinProgram: bind('int bpf_program__pin(void *, const char *)'),
    loadKernelTypes: bind('void *btf__load_vmlinux_btf(void)'),
    findType: bind('int btf__find_by_name_kind(void *, const char *, uint32_t)'),
  };
}
