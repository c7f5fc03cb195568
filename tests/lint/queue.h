/* SPDX-License-Identifier: Apache-2.0 */
/* For cppcheck, which does not read the system's headers: the loops of <sys/queue.h>. */
#define LIST_FOREACH(v, head, field)  for (v = (head)->lh_first; v; v = v->field.le_next)
#define SLIST_FOREACH(v, head, field) for (v = (head)->slh_first; v; v = v->field.sle_next)
#define TAILQ_FOREACH(v, head, field) for (v = (head)->tqh_first; v; v = v->field.tqe_next)
#define TAILQ_FOREACH_REVERSE(v, head, name, field) \
	for (v = (head)->tqh_last; v; v = v->field.tqe_prev)
