/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim's tables, played by scripts of events: no process, no loop, no file.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "unit.h"

static int result; /* of the next action */
static unsigned ran;
static void *seen_arg;

_Static_assert((int)SHIM_A_COUNT >= (int)SHIM_EXEC_A_COUNT, "room for both");

static int record(void *owner, void *arg, struct cps_err *err)
{
	(void)owner;
	ran++;
	seen_arg = arg;
	return result < 0 ? cps_fail(err, -result, "action") : 0;
}

static shim_action *actions[SHIM_A_COUNT]; /* the larger of the two tables */

static struct shim_machine machine_of(const struct shim_table *t)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		actions[i] = record;
	ran = 0;
	result = 0;
	return (struct shim_machine){ .table = t, .actions = actions };
}

static void play(struct shim_machine *m, unsigned event, unsigned expected_state)
{
	struct cps_err err;
	unsigned before = ran;
	int rc;

	ck_assert_msg(shim_dispatch(m, event, NULL, &rc, &err) == SHIM_TAKEN,
		      "%s is not taken in %s", m->table->event_names[event],
		      shim_machine_state_name(m));
	ck_assert_int_eq(ran, before + 1);
	ck_assert_msg(m->state == expected_state, "%s leads to %s", m->table->event_names[event],
		      shim_machine_state_name(m));
}

START_TEST(test_a_whole_life)
{
	struct shim_machine m = machine_of(&shim_container_table);

	play(&m, SHIM_E_CREATE, SHIM_CREATING);
	play(&m, SHIM_E_CREATE_DONE, SHIM_CREATED);
	play(&m, SHIM_E_START, SHIM_STARTING);
	play(&m, SHIM_E_START_DONE, SHIM_RUNNING);
	play(&m, SHIM_E_EXEC, SHIM_RUNNING);
	play(&m, SHIM_E_PAUSE, SHIM_RUNNING);
	play(&m, SHIM_E_RESUME, SHIM_RUNNING);
	play(&m, SHIM_E_STOP, SHIM_RUNNING);
	play(&m, SHIM_E_STOP_TIMEOUT, SHIM_RUNNING);
	play(&m, SHIM_E_INIT_EXITED, SHIM_DRAINING);
	play(&m, SHIM_E_STDIO_CLOSED, SHIM_EXITED);
	play(&m, SHIM_E_DELETE, SHIM_DELETING);
	play(&m, SHIM_E_DELETE_DONE, SHIM_IDLE);
}
END_TEST

START_TEST(test_adopted_lives)
{
	static const struct {
		unsigned event, state;
	} found[] = {
		{ SHIM_E_ADOPT_CREATED, SHIM_CREATED },
		{ SHIM_E_ADOPT_RUNNING, SHIM_RUNNING },
		{ SHIM_E_ADOPT_EXITED, SHIM_EXITED },
	};

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		struct shim_machine m = machine_of(&shim_container_table);
		struct cps_err err;
		int rc;

		/* never by a shim that has begun otherwise */
		ck_assert(shim_dispatch(&m, found[i].event, NULL, &rc, &err) == SHIM_IGNORED);
		ck_assert(shim_dispatch(&m, SHIM_E_ADOPT, NULL, &rc, &err) == SHIM_REFUSED);
		m.state = SHIM_ADOPTING;
		ck_assert(shim_dispatch(&m, SHIM_E_CREATE, NULL, &rc, &err) == SHIM_REFUSED);
		play(&m, i == 0 ? SHIM_E_CLIENTS_GONE : SHIM_E_ADOPT, SHIM_ADOPTING);
		play(&m, found[i].event, found[i].state);
	}
}
END_TEST

START_TEST(test_init_that_exits_while_creating_is_not_yet_an_exit)
{
	struct shim_machine m = machine_of(&shim_container_table);

	play(&m, SHIM_E_CREATE, SHIM_CREATING);
	play(&m, SHIM_E_INIT_EXITED, SHIM_CREATING);
	play(&m, SHIM_E_CREATE_DONE, SHIM_CREATED);
	play(&m, SHIM_E_INIT_EXITED, SHIM_DRAINING);
	play(&m, SHIM_E_DRAIN_TIMEOUT, SHIM_EXITED);
}
END_TEST

START_TEST(test_a_start_that_did_not_reach_init_can_be_repeated)
{
	struct shim_machine m = machine_of(&shim_container_table);

	m.state = SHIM_CREATED;
	play(&m, SHIM_E_START, SHIM_STARTING);
	play(&m, SHIM_E_START_UNDONE, SHIM_CREATED);
	play(&m, SHIM_E_START, SHIM_STARTING);
	play(&m, SHIM_E_START_FAILED, SHIM_STARTING);
	play(&m, SHIM_E_INIT_EXITED, SHIM_DRAINING);
}
END_TEST

START_TEST(test_a_checkpoint_that_it_outlives)
{
	struct shim_machine m = machine_of(&shim_container_table);
	struct cps_err err;
	int rc;

	m.state = SHIM_RUNNING;
	play(&m, SHIM_E_CHECKPOINT, SHIM_CHECKPOINTING);
	ck_assert(shim_dispatch(&m, SHIM_E_EXEC, NULL, &rc, &err) == SHIM_REFUSED);
	ck_assert(shim_dispatch(&m, SHIM_E_CHECKPOINT, NULL, &rc, &err) == SHIM_REFUSED);
	play(&m, SHIM_E_STOP, SHIM_CHECKPOINTING);
	play(&m, SHIM_E_CHECKPOINT_DONE, SHIM_RUNNING);
	play(&m, SHIM_E_EXEC, SHIM_RUNNING);
}
END_TEST

START_TEST(test_an_exit_in_a_checkpoint_is_told_behind_it)
{
	struct shim_machine m = machine_of(&shim_container_table);

	m.state = SHIM_RUNNING;
	play(&m, SHIM_E_CHECKPOINT, SHIM_CHECKPOINTING);
	play(&m, SHIM_E_INIT_EXITED, SHIM_CHECKPOINTING);
	play(&m, SHIM_E_CHECKPOINT_DONE, SHIM_RUNNING);
	play(&m, SHIM_E_INIT_EXITED, SHIM_DRAINING);
}
END_TEST

START_TEST(test_what_is_restored_runs_at_once)
{
	struct shim_machine m = machine_of(&shim_container_table);

	play(&m, SHIM_E_CREATE, SHIM_CREATING);
	play(&m, SHIM_E_INIT_EXITED, SHIM_CREATING);
	play(&m, SHIM_E_RESTORE_DONE, SHIM_RUNNING);
	play(&m, SHIM_E_INIT_EXITED, SHIM_DRAINING);
}
END_TEST

START_TEST(test_a_request_that_fails_leaves_the_state)
{
	struct shim_machine m = machine_of(&shim_container_table);
	struct cps_err err;
	int arg;
	int rc;

	m.state = SHIM_CREATED;
	result = -EMFILE;
	ck_assert(shim_dispatch(&m, SHIM_E_START, &arg, &rc, &err) == SHIM_TAKEN);
	ck_assert_int_eq(rc, -EMFILE);
	ck_assert_int_eq(err.num, EMFILE);
	ck_assert_ptr_eq(seen_arg, &arg);
	ck_assert_int_eq(m.state, SHIM_CREATED);
}
END_TEST

/* Every cell: what the table leaves out is refused by name or ignored, and changes nothing. */
static void cells_check(const struct shim_table *t)
{
	for (unsigned s = 0; s < t->states; s++) {
		for (unsigned e = 0; e < t->events; e++) {
			struct shim_machine m = machine_of(t);
			struct cps_err err = { 0 };
			enum shim_verdict v;
			int rc;

			m.state = s;
			v = shim_dispatch(&m, e, NULL, &rc, &err);
			ck_assert_ptr_nonnull(t->state_names[s]);
			ck_assert_ptr_nonnull(t->event_names[e]);
			if (shim_table_cell(t, s, e)) {
				ck_assert_int_eq(v, SHIM_TAKEN);
				ck_assert_int_eq(m.state, shim_table_cell(t, s, e)->next);
				continue;
			}
			ck_assert_int_eq(ran, 0);
			ck_assert_int_eq(m.state, s);
			ck_assert_int_eq(v, e <= t->last_request ? SHIM_REFUSED : SHIM_IGNORED);
			if (v == SHIM_REFUSED) {
				ck_assert_int_eq(rc, -EBUSY);
				ck_assert_ptr_nonnull(strstr(err.msg, t->state_names[s]));
				ck_assert_ptr_nonnull(strstr(err.msg, t->event_names[e]));
			}
		}
	}
}

START_TEST(test_every_cell)
{
	cells_check(&shim_container_table);
	cells_check(&shim_exec_table);
}
END_TEST

static void reach(const struct shim_table *t)
{
	bool reached[16] = { true };
	bool more = true;

	if (t == &shim_container_table)
		reached[SHIM_ADOPTING] = true; /* where a successor begins */

	while (more) {
		more = false;
		for (unsigned s = 0; s < t->states; s++) {
			for (unsigned e = 0; reached[s] && e < t->events; e++) {
				const struct shim_cell *c = shim_table_cell(t, s, e);

				if (c && !reached[c->next])
					reached[c->next] = more = true;
			}
		}
	}
	for (unsigned s = 0; s < t->states; s++)
		ck_assert_msg(reached[s], "%s cannot be reached", t->state_names[s]);
}

START_TEST(test_every_state_can_be_reached)
{
	reach(&shim_container_table);
	reach(&shim_exec_table);
}
END_TEST

/* Wherever init is ours, its exit is taken: no state forgets it. */
START_TEST(test_the_exit_is_taken_in_every_state_with_an_init)
{
	static const enum shim_state states[] = { SHIM_CREATING, SHIM_CREATED, SHIM_STARTING,
						  SHIM_RUNNING };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		ck_assert_ptr_nonnull(
			shim_table_cell(&shim_container_table, states[i], SHIM_E_INIT_EXITED));
}
END_TEST

START_TEST(test_a_session)
{
	struct shim_machine m = machine_of(&shim_exec_table);

	play(&m, SHIM_EXEC_E_EXITED, SHIM_EXEC_SPAWNING);
	play(&m, SHIM_EXEC_E_DONE, SHIM_EXEC_RUNNING);
	play(&m, SHIM_EXEC_E_KILL, SHIM_EXEC_RUNNING);
	play(&m, SHIM_EXEC_E_EXITED, SHIM_EXEC_DRAINING);
	play(&m, SHIM_EXEC_E_STDIO_CLOSED, SHIM_EXEC_EXITED);
}
END_TEST

/* An action that dispatches in its turn: the inner transition stands. */
static struct shim_machine nested;

static int act_nesting(void *owner, void *arg, struct cps_err *err)
{
	int rc;

	(void)owner;
	(void)arg;
	actions[SHIM_A_EXIT_NOTE] = record;
	(void)shim_dispatch(&nested, SHIM_E_STDIO_CLOSED, NULL, &rc, err);
	return rc;
}

START_TEST(test_an_action_may_dispatch)
{
	struct cps_err err;
	int rc;

	nested = machine_of(&shim_container_table);
	nested.state = SHIM_RUNNING;
	actions[SHIM_A_EXIT_NOTE] = act_nesting;
	(void)shim_dispatch(&nested, SHIM_E_INIT_EXITED, NULL, &rc, &err);
	ck_assert_int_eq(nested.state, SHIM_EXITED);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_a_whole_life,
		test_adopted_lives,
		test_init_that_exits_while_creating_is_not_yet_an_exit,
		test_a_start_that_did_not_reach_init_can_be_repeated,
		test_a_checkpoint_that_it_outlives,
		test_an_exit_in_a_checkpoint_is_told_behind_it,
		test_what_is_restored_runs_at_once,
		test_a_request_that_fails_leaves_the_state,
		test_every_cell,
		test_every_state_can_be_reached,
		test_the_exit_is_taken_in_every_state_with_an_init,
		test_a_session,
		test_an_action_may_dispatch,
		NULL,
	};

	return unit_main("machine", tests);
}
