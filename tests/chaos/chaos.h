/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chaos: what its parts share.
 *
 * The driver is pid 1 of a world of its own (tests/integ/run BUILD -- chaos …). Lanes are processes
 * that lead one container after the other through its life: an episode. Around an episode its
 * helpers kill and read. What is planned is a function of the seed and the episode's number; when
 * it happens is up to the machine.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "content.h"

/* What is claimed at the end, a line of TAP each. */
enum claim {
	CLAIM_LINES,
	CLAIM_DROPS,
	CLAIM_STATUS,
	CLAIM_COMMANDS,
	CLAIM_READERS,
	CLAIM_LEFT,
	CLAIM_GROWTH,
	CLAIM_COUNT,
};

/* What works against the containers; names for --only and --without. */
enum kind {
	KIND_CLI,
	KIND_SHIM,
	KIND_RUNTIME,
	KIND_INIT,
	KIND_OOM,
	KIND_DISK,
	KIND_READER,
	KIND_ATTACH,
	KIND_FDS,
	KIND_WATCH, /* the watch is killed, now and then */
	KIND_COUNT,
};

enum counter {
	COUNT_CONTAINERS,
	COUNT_JOBS,
	COUNT_LINES,
	COUNT_BYTES,
	COUNT_ADOPTED,
	COUNT_DROPPED,	/* bytes */
	COUNT_UNKNOWN,	/* exit statuses, with a reason */
	COUNT_REPEATED, /* commands, with a reason */
	COUNT_FULL,	/* times that the disk was */
	COUNT_COUNT,
};

enum start { START_RUN, START_CREATE, START_FOREGROUND, START_WAYS };

/* One writer: a container's first process, or a job. */
struct say {
	uint64_t seed;
	uint32_t lines[2];
	unsigned flags;
	uint32_t pause_us;
	enum end_kind end;
	int value;
	bool tty;
	bool waits; /* for the file `go` before its end */
};

#define JOBS_MAX 8

struct job {
	struct say say;
	bool detached;
	int try;    /* its account is the file job-N.TRY */
	int status; /* of a foreground one: what its command said */
	bool made;
	char id[64]; /* of a detached one */
};

struct plan {
	enum start start;
	struct say say;
	bool json, drop, on_disk;
	uint32_t max_size; /* 0: the default */
	uint64_t memory;   /* 0: no limit */
	unsigned jobs;
	bool rude;			   /* the container ends before its jobs do */
	unsigned kill_mean_ms[KIND_COUNT]; /* 0: never */
	unsigned init_after_ms;
	bool follows, attaches;
};

struct span {
	uint64_t from_ns, to_ns; /* to: 0: still */
};

#define FULL_MAX   4096
#define STALLS_MAX 4096

/* Shared by all processes. */
struct world {
	uint64_t seed, end_ns;
	unsigned kinds;
	bool watch;
	int lanes;
	unsigned long first; /* --episode: this one alone */
	char build[PATH_MAX / 2], capsule[PATH_MAX];
	_Atomic uint64_t count[COUNT_COUNT], kills[KIND_COUNT], failed[CLAIM_COUNT];
	_Atomic uint64_t full_ns;	   /* when the disk was full last */
	_Atomic uint64_t watch_down_ns[2]; /* when the root's watch was not there last */
	_Atomic bool disk_stop;
	struct span full[FULL_MAX]; /* the times when it was */
	_Atomic unsigned nfull;
	struct span stalls[STALLS_MAX]; /* the times when nobody had a processor */
	_Atomic unsigned nstalls;
	char why[CLAIM_COUNT][300]; /* the first failure of each, for whoever sees no more */
};

#define SHIM_KILLS_MAX 256

/* A shim that was killed: when, and how old it was. */
struct shim_kill {
	uint64_t at_ns, age_ns;
};

/* One container's life; shared by its lane and its helpers. */
struct episode {
	struct world *w;
	uint64_t number;
	char id[32], dir[64];
	const char *root;
	struct plan plan;
	int attempt; /* the account of the container's writer is the file main.ATTEMPT */
	struct job jobs[JOBS_MAX];
	_Atomic uint64_t kills[KIND_COUNT], killed_ns[KIND_COUNT];
	struct shim_kill shim_kills[SHIM_KILLS_MAX];
	uint64_t runtime_kills[SHIM_KILLS_MAX]; /* when */
	_Atomic bool started, killers_stop, ended, bad;
};

#define ROOT_MAIN "/run/chaos"
#define ROOT_DISK "/run/mnt/root"
#define DISK	  "/run/mnt"
#define TMP	  "/tmp/chaos"

/* chaos.c */
uint64_t now_ns(void); /* CLOCK_BOOTTIME */
void nap_us(uint64_t us);
void *share(size_t size); /* zeroed memory that forks share */
void fail(struct episode *e, enum claim claim, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline bool has_kind(const struct world *w, enum kind k)
{
	return w->kinds & (1u << k);
}
extern const char *const kind_names[KIND_COUNT];

/* plan.c */
void plan_make(struct plan *p, struct job *jobs, const struct world *w, uint64_t number);
void plan_print(const struct episode *e);
void bundle_write(const struct episode *e);

/* command.c: capsule's commands */
struct command {
	pid_t pid;
	int pidfd, out, err; /* out, err: memfds */
	uint64_t began_ns;
	bool killed; /* by us, as planned */
	char words[400];
};
#define EXIT_UNKNOWN 255 /* capsule's own, where nobody saw how it ended */
#define ARGS_MAX     40
void command_start(struct episode *e, struct command *c, const char *const *argv);
/* Its exit code; 128+N for signals. Killed after kill_us (-1: not); a command that hangs fails. */
int command_end(struct episode *e, struct command *c, int64_t kill_us);
void command_done(struct command *c);
char *command_text(int fd, size_t *ret_len); /* to be freed */
/* What it has printed, but for lines in which capsule speaks for itself. */
char *command_stream(const struct command *c, int stream, size_t *ret_len);
/* command_run: start and end. command_sure: repeated as long as something was killed that explains
 * the failure; false: it has been reported. … are the words. */
int command_run_words(struct episode *e, struct command *c, int64_t kill_us,
		      const char *const *argv);
bool command_sure_words(struct episode *e, struct command *c, int64_t kill_us,
			const char *const *argv);
#define WORDS(...)			 ((const char *const[]){ __VA_ARGS__, NULL })
#define command_run(e, c, kill_us, ...)	 command_run_words(e, c, kill_us, WORDS(__VA_ARGS__))
#define command_sure(e, c, kill_us, ...) command_sure_words(e, c, kill_us, WORDS(__VA_ARGS__))
bool is_excused(const struct episode *e, uint64_t since_ns);

bool was_full(const struct world *w, uint64_t from_ns, uint64_t to_ns);

/* killer.c: the helpers that kill, and what they look at */
void killer_run(struct episode *e);
void disk_run(struct world *w);
void watch_run(struct world *w, int which);
void stalls_run(struct world *w);
pid_t shim_find(const char *id, pid_t *runtimes, unsigned max, unsigned *ret_n);
bool shim_measure(pid_t shim, unsigned *ret_kb, unsigned *ret_fds);
void elder_run(struct world *w);

/* text.c: what was said against what is there */
struct text {
	const struct say *say;
	bool drop;
	unsigned char *data[2]; /* what is expected, in whole */
	size_t len[2], at[2];	/* at: how far it was found */
	size_t seen[2];		/* bytes found; less than at where some were dropped */
	uint64_t dropped;	/* told by the log */
	char wrong[300];	/* "": nothing */
};
void text_make(struct text *t, const struct say *say, bool drop);
void text_done(struct text *t);
void text_restart(struct text *t);
bool text_add(struct text *t, int stream, const unsigned char *data, size_t len);
/* Are the bytes that the writer's account speaks of all there? */
bool text_is_complete(struct text *t, const struct progress *p);
/* Reads all files of a log; false: see t->wrong. */
bool log_read(struct text *t, const char *path, bool json);

/* episode.c */
void episode_run(struct world *w, uint64_t number);
struct progress *progress_make(const struct episode *e, const char *name);

/* job.c */
void jobs_run(struct episode *e, unsigned first, unsigned step);
void jobs_verify(struct episode *e);

/* verify.c */
bool status_check(struct episode *e, const char *what, const struct say *say,
		  const struct progress *p, int code, bool may_be_killed);
void log_verify(struct episode *e, const char *what, const struct say *say,
		const struct progress *p, const char *path);
void exit_verify(struct episode *e, const char *what, const char *path, int code, bool oom);
bool is_unknown_excused(const struct episode *e, const struct progress *p);
void left_verify(struct episode *e);

/* reader.c */
void reader_run(struct episode *e);
void attach_run(struct episode *e);

#endif
