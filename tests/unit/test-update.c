/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The config that a container keeps after an update: what is asked for lies over what was there.
 */
#include <config.h>

#include "update.h"

#include <string.h>

#include "own.h"
#include "unit.h"

static const struct row {
	const char *config, *more, *result;
} rows[] = {
	/* nothing there yet */
	{ "{}", "{\"pids\":{\"limit\":5}}",
	  "{\"linux\":{\"resources\":{\"pids\":{\"limit\":5}}}}" },
	{ "{\"linux\":{}}", "{}", "{\"linux\":{\"resources\":{}}}" },
	/* what is not named stays, and so does what is not a limit */
	{ "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"]},\"linux\":{\"seccomp\":{\"x\":["
	  "1]},"
	  "\"resources\":{\"memory\":{\"limit\":1,\"swap\":2},\"pids\":{\"limit\":3}}}}",
	  "{\"memory\":{\"limit\":9}}",
	  "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"a\"]},\"linux\":{\"seccomp\":{\"x\":["
	  "1]},"
	  "\"resources\":{\"memory\":{\"limit\":9,\"swap\":2},\"pids\":{\"limit\":3}}}}" },
	/* zeros and empty values leave it, beside what is set */
	{ "{\"linux\":{\"resources\":{\"cpu\":{\"shares\":512,\"cpus\":\"0-1\"},\"memory\":{"
	  "\"limit\":7}}}}",
	  "{\"cpu\":{\"shares\":0,\"cpus\":\"\",\"quota\":50000},\"memory\":{\"limit\":0,\"swap\":"
	  "0}}",
	  "{\"linux\":{\"resources\":{\"cpu\":{\"shares\":512,\"cpus\":\"0-1\",\"quota\":50000},"
	  "\"memory\":{\"limit\":7}}}}" },
	{ "{\"linux\":{\"resources\":{\"pids\":{\"limit\":3}}}}", "{\"pids\":{\"limit\":null}}",
	  "{\"linux\":{\"resources\":{\"pids\":{\"limit\":3}}}}" },
	/* but for those that 0 says something for, and -1 is a value everywhere */
	{ "{\"linux\":{\"resources\":{\"cpu\":{\"idle\":1,\"burst\":5},\"memory\":{\"swappiness\":"
	  "60}}}}",
	  "{\"cpu\":{\"idle\":0,\"burst\":0},\"memory\":{\"swappiness\":0,\"limit\":-1}}",
	  "{\"linux\":{\"resources\":{\"cpu\":{\"idle\":0,\"burst\":0},"
	  "\"memory\":{\"swappiness\":0,\"limit\":-1}}}}" },
	/* lists are replaced whole; an empty one is none */
	{ "{\"linux\":{\"resources\":{\"devices\":[{\"allow\":false}],\"hugepageLimits\":[1]}}}",
	  "{\"devices\":[{\"allow\":true},{\"allow\":false}],\"hugepageLimits\":[]}",
	  "{\"linux\":{\"resources\":{\"devices\":[{\"allow\":true},{\"allow\":false}],"
	  "\"hugepageLimits\":[1]}}}" },
	/* of another type than before */
	{ "{\"linux\":{\"resources\":{\"unified\":{\"memory.high\":\"1\"},\"x\":5}}}",
	  "{\"unified\":{\"memory.low\":\"2\"},\"x\":{\"y\":6}}",
	  "{\"linux\":{\"resources\":{\"unified\":{\"memory.high\":\"1\",\"memory.low\":\"2\"},"
	  "\"x\":{\"y\":6}}}}" },
};

static const struct cps_json *json(struct cps_arena *a, const char *text)
{
	const struct cps_json *node = NULL;
	struct cps_err err;

	ck_assert_msg(cps_json_parse(a, text, strlen(text), &node, &err) == 0, "%s", err.msg);
	return node;
}

START_TEST(what_is_asked_for_lies_over_what_was_there)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		cleanup_buf struct cps_buf buf = CPS_BUF_INIT;

		rt_update_merge(json(&a, rows[i].config), json(&a, rows[i].more), &buf);
		ck_assert(!buf.failed);
		ck_assert_str_eq(buf.data, rows[i].result);
	}
}
END_TEST

START_TEST(twice_is_once)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		cleanup_buf struct cps_buf buf = CPS_BUF_INIT;

		rt_update_merge(json(&a, rows[i].result), json(&a, rows[i].more), &buf);
		ck_assert_str_eq(buf.data, rows[i].result);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_asked_for_lies_over_what_was_there,
		twice_is_once,
		NULL,
	};

	return unit_main("update", tests);
}
