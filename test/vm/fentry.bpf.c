/* Counts new UTS namespaces through a trampoline: the least that the trampoline profile needs of a kernel. */
#define SEC(name) __attribute__((section(name), used))

struct {
	int (*type)[2]; /* BPF_MAP_TYPE_ARRAY */
	unsigned int *key;
	unsigned long long *value;
	int (*max_entries)[1];
} births SEC(".maps");

static void *(*lookup)(void *map, const void *key) = (void *)1; /* bpf_map_lookup_elem */

SEC("fentry/copy_utsname")
int on_copy_utsname(void *context)
{
	unsigned int key = 0;
	unsigned long long *count = lookup(&births, &key);

	(void)context;
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char program_license[] SEC("license") = "GPL";
