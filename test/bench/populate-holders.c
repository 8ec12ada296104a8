/*
 * Makes GROUPS groups of 40 processes and 10 namespaces, each namespace held by something else, and prints one
 * line when all are there; ends, and takes all of them with it, when standard input ends.
 *
 * In each group: a uts namespace held by a bind mount in DIRECTORY, an ipc namespace by a descriptor of every
 * process, a net namespace by 5 sockets, a uts namespace by a thread's own descriptor table, a user namespace by
 * its child, that child by a process, and a uts, an ipc, a net and a cgroup namespace by all processes but one.
 * All of it is in one private mount namespace.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMBERS 40
#define SOCKETS 5

static int ready[2];

static void check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		_exit(1);
	}
}

static int open_own(const char *type)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", type);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd, path);
	return fd;
}

static void tell(void)
{
	check(write(ready[1], "x", 1) - 1, "write");
}

static void sleep_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	check(fd, path);
	check(write(fd, text, strlen(text)), path);
	close(fd);
}

static void hold_by_mount(const char *directory, int group)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", directory, group);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	check(fd, path);
	close(fd);
	check(unshare(CLONE_NEWUTS), "unshare uts");
	check(mount("/proc/thread-self/ns/uts", path, NULL, MS_BIND, NULL), "mount");
}

static void hold_by_sockets(void)
{
	int home = open_own("net");

	check(unshare(CLONE_NEWNET), "unshare net");
	for (int each = 0; each < SOCKETS; each++)
		check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	check(setns(home, 0), "setns");
	close(home);
}

static void *hold_by_own_table(void *unused)
{
	int home = open_own("uts");

	check(unshare(CLONE_FILES | CLONE_NEWUTS), "unshare files");
	open_own("uts");
	check(setns(home, 0), "setns");
	close(home);
	tell();
	for (;;)
		pause();
	return unused;
}

static void hold_by_child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check(unshare(CLONE_NEWUSER), "unshare user");
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", "0 0 1");
	write_text("/proc/self/gid_map", "0 0 1");
	check(unshare(CLONE_NEWUSER), "unshare user below");
	tell();
	sleep_with_parent();
}

static void lead(const char *directory, int group)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!fork())
		hold_by_child();
	hold_by_mount(directory, group);
	check(unshare(CLONE_NEWIPC), "unshare ipc");
	open_own("ipc");
	check(unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP), "unshare");
	for (int member = 2; member < MEMBERS; member++)
		if (!fork())
			sleep_with_parent();
	hold_by_sockets();
	check(-pthread_create(&thread, NULL, hold_by_own_table, NULL), "pthread_create");
	tell();
	sleep_with_parent();
}

int main(int argc, char **argv)
{
	int groups = argc > 1 ? atoi(argv[1]) : 50;
	const char *directory = argc > 2 ? argv[2] : ".";
	char byte;

	if (pipe(ready))
		return 1;
	check(unshare(CLONE_NEWNS), "unshare mnt");
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
	for (int group = 0; group < groups; group++)
		if (!fork())
			lead(directory, group);
	close(ready[1]);
	/* The leader, its thread and the user namespaces tell. */
	for (int told = 0; told < 3 * groups; told++)
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
