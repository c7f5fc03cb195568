/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See listener.h. Who has loaded such a filter can no longer send anything without asking the
 * agent, which nobody has told yet. So a thread is made before, which the filter does not concern:
 * it shares our descriptors, waits until the listener is among them, sends it, and ends; it leaves
 * no process that somebody would have to reap. We wait for it without a system call.
 */
#include <config.h>

#include "listener.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "baton.h"
#include "buf.h"
#include "fd-send.h"
#include "json.h"
#include "own.h"

#define STACK_SIZE (64u << 10)
#define PENDING	   1

struct handover {
	int report;
	_Atomic int listener; /* PENDING + 1 + fd: there it is; below PENDING: there will be none */
	_Atomic int result;   /* PENDING; 0 or -errno */
};

static int hand_over(void *arg)
{
	const struct cps_gate_packet packet = { .kind = CPS_GATE_LISTENER };
	struct handover *h = arg;
	int number, rc = 0;

	while ((number = atomic_load(&h->listener)) == PENDING)
		(void)sched_yield();
	if (number > PENDING) {
		int fd = number - PENDING - 1;

		rc = rt_baton_send(h->report, &packet, fd);
		/* Of ours nothing may stay: with its last listener gone a call answers ENOSYS. */
		(void)close(fd);
	}
	atomic_store(&h->result, rc);
	(void)syscall(SYS_exit, 0); /* the thread, not the process */
	return 0;
}

int rt_listener_load(const struct rt_filter *f, int report, struct cps_err *err)
{
	const struct sock_fprog program = { .len = f->count, .filter = f->code };
	struct handover h = { .report = report, .listener = PENDING, .result = PENDING };
	char *stack;
	long fd;
	int num;

	/* never unmapped: the thread may still be on its way out; execve takes it */
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return cps_fail(err, errno, "map a stack");
	if (clone(hand_over, stack + STACK_SIZE,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		  &h) < 0)
		return cps_fail(err, errno, "make a thread");
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)f->flags, &program);
	num = errno;
	atomic_store(&h.listener, fd < 0 ? 0 : PENDING + 1 + (int)fd);
	while (atomic_load(&h.result) == PENDING)
		;
	if (fd < 0)
		return cps_fail(err, num, "load the seccomp filter (flags 0x%x)",
				(unsigned)f->flags);
	if (h.result < 0)
		return cps_fail(err, -h.result, "hand over the listener of the seccomp filter");
	return 0;
}

int rt_listener_forward(const struct rt_seccomp *sc, const struct rt_state *s,
			enum rt_status status, pid_t pid, int *fd, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_fd int listener = take_fd(fd);
	struct cps_buf state = CPS_BUF_INIT;
	struct cps_jsonw w;
	int rc;

	if (listener < 0 || !sc->listener_path)
		return cps_failx(err, EPROTO, "a listener that nobody has asked for");
	cps_jsonw_init(&w, &state, false);
	rt_state_json(s, status, s->pid ? s->pid : pid, false, &w);
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "ociVersion", s->oci_version);
	cps_jsonw_open(&w, "fds", '[');
	cps_jsonw_str(&w, NULL, "seccompFd");
	cps_jsonw_close(&w, ']');
	cps_jsonw_i64(&w, "pid", pid);
	if (sc->listener_metadata)
		cps_jsonw_str(&w, "metadata", sc->listener_metadata);
	cps_jsonw_raw(&w, "state", state.failed ? "null" : state.data);
	cps_jsonw_close(&w, '}');
	if (buf.failed || state.failed)
		rc = cps_fail(err, ENOMEM, "the container process state");
	else
		rc = rt_fd_send(sc->listener_path, "linux.seccomp.listenerPath", buf.data, listener,
				err);
	cps_buf_done(&state);
	return cps_wrap(err, rc, "failed to connect with seccomp agent");
}
