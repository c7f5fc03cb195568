/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages. Each is one write(2) of one line, so lines of several processes in one O_APPEND file
 * never mix. With a file, only errors go to stderr as well, and bare: that is what callers of
 * runc's command line read there. Messages hold text from outside: no control character passes.
 */
#include <config.h>
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "json.h"

static struct {
	enum cps_log_level level;
	enum cps_log_format format;
	int fd; /* -1: none */
	char program[32];
} logger = { CPS_LOG_ERROR, CPS_LOG_PLAIN, -1, "capsule" };

int cps_log_open(const char *program, const char *path, enum cps_log_format format,
		 enum cps_log_level level, struct cps_err *err)
{
	int fd = -1;

	if (path) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
		if (fd < 0)
			return cps_fail(err, errno, "open log file '%s'", path);
	}
	if (logger.fd >= 0)
		(void)close(logger.fd); /* every line was written when it was logged */
	logger.fd = fd;
	logger.level = level;
	logger.format = format;
	(void)snprintf(logger.program, sizeof(logger.program), "%s", program);
	return 0;
}

bool cps_log_wants(enum cps_log_level level)
{
	return level <= logger.level;
}

int cps_log_fd(void)
{
	return logger.fd;
}

static const char *level_name(enum cps_log_level level)
{
	static const char *const names[] = {
		[CPS_LOG_ERROR] = "error",
		[CPS_LOG_WARN] = "warning",
		[CPS_LOG_INFO] = "info",
		[CPS_LOG_DEBUG] = "debug",
	};

	return names[level];
}

static void now_format(char now[CPS_TIME_SIZE])
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail for this clock */
	cps_time_format(&t, true, now);
}

static void line_plain(struct cps_buf *b, const char *prefix, enum cps_log_level level,
		       const char *msg)
{
	size_t start;

	if (*prefix)
		cps_buf_printf(b, "%s: ", prefix);
	if (level != CPS_LOG_ERROR)
		cps_buf_printf(b, "%s: ", level_name(level));
	start = b->len;
	cps_buf_puts(b, msg);
	for (size_t i = start; i < b->len; i++) {
		if ((unsigned char)b->data[i] < 0x20 || b->data[i] == 0x7f)
			b->data[i] = b->data[i] == '\n' || b->data[i] == '\t' ? ' ' : '?';
	}
}

/* The quoting of JSON strings is what readers of key="value" lines understand, too. */
static void line_text(struct cps_buf *b, enum cps_log_level level, const char *msg)
{
	char now[CPS_TIME_SIZE];
	struct cps_jsonw w;

	now_format(now);
	cps_buf_printf(b, "time=\"%s\" level=%s msg=", now, level_name(level));
	cps_jsonw_init(&w, b, false);
	cps_jsonw_str(&w, NULL, msg);
}

static void line_json(struct cps_buf *b, enum cps_log_level level, const char *msg)
{
	char now[CPS_TIME_SIZE];
	struct cps_jsonw w;

	now_format(now);
	cps_jsonw_init(&w, b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "level", level_name(level));
	cps_jsonw_str(&w, "msg", msg);
	cps_jsonw_str(&w, "time", now);
	cps_jsonw_close(&w, '}');
}

static void line_write(int fd, struct cps_buf *b, const char *msg)
{
	cps_buf_puts(b, "\n");
	if (!b->failed)
		(void)cps_write_all(fd, b->data, b->len); /* there is nobody left to tell */
	else
		(void)cps_write_all(fd, msg, strlen(msg)); /* without memory, at least that */
}

static void log_to_file(enum cps_log_level level, const char *msg)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	if (logger.format == CPS_LOG_JSON)
		line_json(&b, level, msg);
	else
		line_text(&b, level, msg);
	line_write(logger.fd, &b, msg);
}

static void log_to_stderr(enum cps_log_level level, const char *msg)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	if (logger.fd >= 0)
		line_plain(&b, "", level, msg);
	else if (logger.format == CPS_LOG_JSON)
		line_json(&b, level, msg);
	else if (logger.format == CPS_LOG_TEXT && !isatty(STDERR_FILENO))
		line_text(&b, level, msg);
	else
		line_plain(&b, logger.program, level, msg);
	line_write(STDERR_FILENO, &b, msg);
}

void cps_log(enum cps_log_level level, const char *fmt, ...)
{
	char msg[4096]; /* an error has 496 bytes; a debug line that is longer is cut */
	va_list args;

	if (!cps_log_wants(level))
		return;
	va_start(args, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, args) < 0)
		msg[0] = '\0';
	va_end(args);
	if (logger.fd >= 0)
		log_to_file(level, msg);
	if (logger.fd < 0 || level == CPS_LOG_ERROR)
		log_to_stderr(level, msg);
}
