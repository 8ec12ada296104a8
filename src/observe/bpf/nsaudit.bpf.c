/*
 * The one BPF object of nsaudit: what the kernel says about namespaces at the moment it happens, and the
 * iterators that list what is there. Every program decides as little as possible; user space decides.
 *
 * Built by .ci/set-up.mjs with clang alone. Loaded by src/observe/kernel-events.ts (events) and
 * src/observe/kernel-scan.ts (iterators), each of which loads only its own programs.
 */
#include "helpers.h"

char LICENSE[] SEC("license") = "GPL";

#include "tracepoints.h"
#include "trampolines.h"
#include "mounts.h"

#include "inventory.h"
#include "relations.h"

#include "proxies.h"
