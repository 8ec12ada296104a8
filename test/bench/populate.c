/*
 * Makes GROUPS groups of processes, each group in a uts, ipc, net and cgroup namespace of its own, with
 * MEMBERS processes a group that sleep. Prints one line when all are there; ends, and takes all of them
 * with it, when standard input ends.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void sleep_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int groups = argc > 1 ? atoi(argv[1]) : 100;
	int members = argc > 2 ? atoi(argv[2]) : 80;
	int ready[2];
	char byte;

	if (pipe(ready))
		return 1;
	for (int group = 0; group < groups; group++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP)) {
			perror("unshare");
			_exit(1);
		}
		for (int member = 1; member < members; member++)
			if (!fork())
				sleep_with_parent();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		sleep_with_parent();
	}
	close(ready[1]);
	for (int group = 0; group < groups; group++)
		if (read(ready[0], &byte, 1) != 1)
			return 1;
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}
