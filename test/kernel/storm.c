/*
 * storm NAME COUNT: makes COUNT namespaces as fast as one process can, one after the other.
 * storm forks COUNT: enters a uts namespace of its own and makes COUNT short-lived children there.
 *
 * Prints the nanoseconds it took.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int flag_of(const char *name)
{
	if (!strcmp(name, "uts"))
		return CLONE_NEWUTS;
	if (!strcmp(name, "ipc"))
		return CLONE_NEWIPC;
	return strcmp(name, "net") ? 0 : CLONE_NEWNET;
}

int main(int count_of_arguments, char **arguments)
{
	const char *name = count_of_arguments > 2 ? arguments[1] : "";
	int count = count_of_arguments > 2 ? atoi(arguments[2]) : 0, flag = flag_of(name);
	long long start;

	if (!strcmp(name, "forks") && unshare(CLONE_NEWUTS))
		return 1;
	start = now_ns();
	for (int done = 0; done < count; done++) {
		if (flag) {
			if (unshare(flag))
				return 1;
			continue;
		}
		pid_t child = vfork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	printf("%lld\n", now_ns() - start);
	return 0;
}
