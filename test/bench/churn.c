/*
 * Work for the benchmarks of kernel events, timed by itself.
 *
 *   churn unshare N    N new uts namespaces, one after the other
 *   churn fork N       N children that end at once, in the namespaces it is started in
 *   churn contained N  the same in a uts namespace of its own
 *   churn paced N R    N children in a uts namespace of its own, R a second
 *   churn idle N       N children that wait until standard input ends
 *
 * Prints the nanoseconds that one took, on average.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void fork_once(void)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void pace(long long started_ns, long done, long rate)
{
	long long ahead_ns = started_ns + done * 1000000000LL / rate - now_ns();

	if (ahead_ns > 0) {
		struct timespec rest = { ahead_ns / 1000000000LL, ahead_ns % 1000000000LL };

		nanosleep(&rest, NULL);
	}
}

static void idle(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("fork");
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
}

int main(int count, char **words)
{
	const char *what = count > 2 ? words[1] : "";
	long times = count > 2 ? atol(words[2]) : 0;
	long rate = count > 3 ? atol(words[3]) : 0;
	int is_contained = !strcmp(what, "contained") || !strcmp(what, "paced");

	if (times <= 0 || (!strcmp(what, "paced") && rate <= 0)) {
		fputs("usage: churn unshare|fork|contained|idle N, or churn paced N RATE\n", stderr);
		return 2;
	}
	if (!strcmp(what, "idle")) {
		setpgid(0, 0);
		idle(times);
		return 0;
	}
	if (is_contained && unshare(CLONE_NEWUTS))
		fail("unshare");
	long long started_ns = now_ns();
	for (long i = 0; i < times; i++) {
		if (!strcmp(what, "unshare")) {
			if (unshare(CLONE_NEWUTS))
				fail("unshare");
		} else {
			fork_once();
		}
		if (rate > 0)
			pace(started_ns, i + 1, rate);
	}
	printf("%lld\n", (now_ns() - started_ns) / times);
	return 0;
}
