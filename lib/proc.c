/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes. A pid alone names nobody for long: signals go through pidfds, and a pid that was
 * written down is believed only with the start time that was written with it.
 */
#include <config.h>
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

/* PF_FORKNOEXEC of field 9, the same in every kernel: cleared by execve once it cannot fail any
 * more, and before it closes what is close-on-exec. */
#define FORKED_NO_EXEC 0x40
/* PF_EXITING of the same: set before exit(2) closes anything. */
#define EXITING 0x4

int cps_pidfd_open(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
}

int cps_pidfd_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

/*
 * Reads /proc/PID/stat into buf; *ret_state points at the third field. The second, the command, is
 * the process's own choice and may hold anything, ")" and newlines too: only the last ")" ends it.
 */
static int stat_read(pid_t pid, char *buf, size_t size, char **ret_state)
{
	cleanup_fd int fd = -1;
	char path[32];
	ssize_t n;
	char *end;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, buf, size - 1); /* procfs gives all of it at once */
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	end = strrchr(buf, ')');
	if (!end || end[1] != ' ' || end[2] == '\0')
		return -EBADMSG;
	*ret_state = end + 2;
	return 0;
}

/* Moves *at from the third field to another. */
static int field_find(char **at, int number)
{
	for (int field = 3; field < number; field++) {
		*at = strchr(*at, ' ');
		if (!*at)
			return -EBADMSG;
		(*at)++;
	}
	return 0;
}

/* Field `number` from the third on, as a number. */
static int field_read(char *at, int number, uint64_t *ret)
{
	uint64_t value;
	char *end;
	int rc = field_find(&at, number);

	if (rc < 0)
		return rc;
	value = strtoull(at, &end, 10);
	if (end == at || *end != ' ')
		return -EBADMSG;
	*ret = value;
	return 0;
}

int cps_proc_start_time(pid_t pid, uint64_t *ret_ticks)
{
	char buf[1024];
	char *at;
	int rc = stat_read(pid, buf, sizeof(buf), &at);

	return rc < 0 ? rc : field_read(at, 22, ret_ticks);
}

int cps_proc_has_execed(pid_t pid, uint64_t start_ticks)
{
	uint64_t flags, ticks;
	char buf[1024];
	char *at;
	int rc = stat_read(pid, buf, sizeof(buf), &at);

	if (rc == 0)
		rc = field_read(at, 9, &flags);
	if (rc == 0)
		rc = field_read(at, 22, &ticks);
	if (rc < 0)
		return rc;
	if (start_ticks && ticks != start_ticks)
		return -ESRCH;
	return !(flags & FORKED_NO_EXEC);
}

bool cps_proc_is_alive(pid_t pid, uint64_t start_ticks)
{
	uint64_t ticks;
	char buf[1024];
	char *at;

	return pid > 0 && stat_read(pid, buf, sizeof(buf), &at) == 0 && *at != 'Z' && *at != 'X' &&
	       field_read(at, 22, &ticks) == 0 && ticks == start_ticks;
}

bool cps_proc_is_ending(pid_t pid)
{
	uint64_t flags = 0;
	char buf[1024];
	char *at;

	return stat_read(pid, buf, sizeof(buf), &at) < 0 || field_read(at, 9, &flags) < 0 ||
	       (flags & EXITING);
}

char cps_proc_state(pid_t pid)
{
	char buf[1024];
	char *state;

	return stat_read(pid, buf, sizeof(buf), &state) < 0 ? '\0' : *state;
}

int cps_boot_id(char ret_id[37], struct cps_err *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char id[37];
	ssize_t n;

	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", path);
	n = cps_read_full(fd, id, sizeof(id) - 1);
	if (n < 0)
		return cps_fail(err, (int)-n, "read '%s'", path);
	id[n] = '\0';
	if (n != sizeof(id) - 1 || strcspn(id, "\n") != sizeof(id) - 1)
		return cps_failx(err, EBADMSG, "'%s' holds no boot id", path);
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

int cps_pidfd_open_verified(pid_t pid, uint64_t start_ticks)
{
	cleanup_fd int fd = cps_pidfd_open(pid);
	uint64_t ticks;
	int rc;

	if (fd < 0)
		return fd;
	/*
	 * After the open: if the pid is given to another process in between, that one is younger
	 * than start_ticks, so a match proves that the descriptor is of the process we mean.
	 */
	rc = cps_proc_start_time(pid, &ticks);
	if (rc < 0)
		return rc;
	return ticks == start_ticks ? take_fd(&fd) : -ESRCH;
}

/* linux/pidfd.h of 6.15; the headers at hand may be older than the kernel. The first version's size
 * is part of the request's number, and later kernels take it. */
struct pidfd_info_v0 {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ids[8];
	int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "PIDFD_INFO_SIZE_VER0");

#define PIDFD_GET_INFO_V0 _IOWR(0xFF, 11, struct pidfd_info_v0)
#define PIDFD_EXIT	  (UINT64_C(1) << 3)

/* The kernel keeps the status with the pidfd's inode, from the moment when the parent has reaped
 * the process. */
static int status_of_reaped(int pidfd, int *ret_status)
{
	struct pidfd_info_v0 info = { .mask = PIDFD_EXIT };

	if (ioctl(pidfd, PIDFD_GET_INFO_V0, &info) < 0)
		return -errno;
	if (!(info.mask & PIDFD_EXIT))
		return -ENODATA;
	*ret_status = info.exit_code;
	return 0;
}

/* /proc shows zeros to those who might not trace the process; its links say so instead. A zombie's
 * lead nowhere (ENOENT). */
static bool is_readable(pid_t pid)
{
	char path[32];
	char link[8];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return readlink(path, link, sizeof(link)) >= 0 || errno == ENOENT;
}

/* Field 52, while the parent has not reaped it. */
static int status_of_zombie(pid_t pid, int *ret_status)
{
	char buf[1024];
	char *at;
	char *end;
	long status;
	int rc = stat_read(pid, buf, sizeof(buf), &at);

	if (rc < 0)
		return rc;
	if (*at != 'Z' || !is_readable(pid))
		return -EAGAIN;
	rc = field_find(&at, 52);
	if (rc < 0)
		return rc;
	status = strtol(at, &end, 10);
	if (end == at)
		return -EBADMSG;
	*ret_status = (int)status;
	return 0;
}

int cps_pidfd_exit_status(int pidfd, pid_t pid, int *ret_status)
{
	int status = 0;
	int rc;

	if (status_of_reaped(pidfd, ret_status) == 0)
		return 0;
	rc = status_of_zombie(pid, &status);
	/* Is the process that the descriptor means still there, be it as a zombie? Then what was
	 * read a moment ago was of no other one. */
	if (cps_pidfd_signal(pidfd, 0) == -ESRCH)
		return status_of_reaped(pidfd, ret_status) == 0 ? 0 : -ENODATA;
	if (rc < 0)
		return -EAGAIN;
	*ret_status = status;
	return 0;
}

/* Spelled out: sigabbrev_np() lacks aliases, and this list is what the users' manual promises. */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "SIGHUP", SIGHUP },	    { "SIGINT", SIGINT },	{ "SIGQUIT", SIGQUIT },
	{ "SIGILL", SIGILL },	    { "SIGTRAP", SIGTRAP },	{ "SIGABRT", SIGABRT },
	{ "SIGBUS", SIGBUS },	    { "SIGFPE", SIGFPE },	{ "SIGKILL", SIGKILL },
	{ "SIGUSR1", SIGUSR1 },	    { "SIGSEGV", SIGSEGV },	{ "SIGUSR2", SIGUSR2 },
	{ "SIGPIPE", SIGPIPE },	    { "SIGALRM", SIGALRM },	{ "SIGTERM", SIGTERM },
	{ "SIGSTKFLT", SIGSTKFLT }, { "SIGCHLD", SIGCHLD },	{ "SIGCONT", SIGCONT },
	{ "SIGSTOP", SIGSTOP },	    { "SIGTSTP", SIGTSTP },	{ "SIGTTIN", SIGTTIN },
	{ "SIGTTOU", SIGTTOU },	    { "SIGURG", SIGURG },	{ "SIGXCPU", SIGXCPU },
	{ "SIGXFSZ", SIGXFSZ },	    { "SIGVTALRM", SIGVTALRM }, { "SIGPROF", SIGPROF },
	{ "SIGWINCH", SIGWINCH },   { "SIGIO", SIGIO },		{ "SIGPWR", SIGPWR },
	{ "SIGSYS", SIGSYS }, /* aliases, behind the names that are given back: */
	{ "SIGIOT", SIGIOT },	    { "SIGCLD", SIGCHLD },	{ "SIGPOLL", SIGPOLL },
};

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

/* A decimal number of one to four digits and nothing else; -1 if it is not one. */
static int small_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 4 && text[digits] == '\0' ? atoi(text) : -1;
}

/* "RTMIN", "RTMIN+3", "RTMAX-2"; -1 if it is none. */
static int realtime_parse(const char *name)
{
	bool from_max = strncasecmp(name, "RTMAX", 5) == 0;
	int offset = 0;
	int number;

	if (!from_max && strncasecmp(name, "RTMIN", 5) != 0)
		return -1;
	if (name[5] != '\0') {
		offset = small_number(name + 6);
		if (name[5] != (from_max ? '-' : '+') || offset < 0)
			return -1;
	}
	number = from_max ? SIGRTMAX - offset : SIGRTMIN + offset;
	return number >= SIGRTMIN && number <= SIGRTMAX ? number : -1;
}

int cps_signal_parse(const char *text, int *ret_signal)
{
	int number = small_number(text);

	if (number < 0) {
		const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;

		number = realtime_parse(name);
		for (size_t i = 0; number < 0 && i < SIGNAL_COUNT; i++) {
			if (strcasecmp(signals[i].name + 3, name) == 0)
				number = signals[i].number;
		}
	}
	if (number < 1 || number >= _NSIG)
		return -EINVAL;
	*ret_signal = number;
	return 0;
}

const char *cps_signal_name(int signal)
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		if (signals[i].number == signal)
			return signals[i].name;
	}
	return NULL;
}
