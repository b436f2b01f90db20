// SPDX-License-Identifier: GPL-2.0-only
/* Children of targets: found by their parents, made targets by the session's rights. */

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/idr.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "children.h"
#include "session.h"

/* Found in one walk through all processes. */
#define CHILDREN_PER_WALK 32
/* Walks of one look; what is deeper or more has its turn an aggregation later. */
#define WALKS_PER_LOOK 16
#define MARK_BITS 10

/**
 * struct family - whose children are looked for
 * @session: its targets.
 * @marks: a bit for each target by its pid's hash, so that most processes are told from
 *	them at once.
 */
struct family {
	const struct ds_session *session;
	DECLARE_BITMAP(marks, 1 << MARK_BITS);
};

static void mark_targets(struct family *family)
{
	const struct ds_session *session = family->session;
	unsigned int i;

	bitmap_zero(family->marks, 1 << MARK_BITS);
	for (i = 0; i < session->store.regions.nr_slices; i++)
		__set_bit(hash_ptr(session->targets[i]->pid, MARK_BITS), family->marks);
}

static bool is_target(const struct family *family, const struct pid *pid)
{
	const struct ds_session *session = family->session;
	unsigned int i;

	if (!test_bit(hash_ptr(pid, MARK_BITS), family->marks))
		return false;
	for (i = 0; i < session->store.regions.nr_slices; i++)
		if (session->targets[i]->pid == pid)
			return true;
	return false;
}

static bool is_left_out(const struct ds_children *children, const struct pid *pid)
{
	unsigned int i;

	for (i = 0; i < children->nr_left_out; i++)
		if (children->left_out[i] == pid)
			return true;
	return false;
}

static bool is_child(const struct family *family, struct task_struct *task)
{
	/* Who forked it may have been any of the parent's threads. */
	struct task_struct *parent = rcu_dereference(task->real_parent);

	return !(task->flags & PF_KTHREAD) && is_target(family, task_tgid(parent)) &&
	       !is_target(family, task_tgid(task)) &&
	       !is_left_out(&family->session->children, task_tgid(task));
}

/* Writes down those behind the first @skip, with a reference each; returns how many. */
static unsigned int find_children(const struct family *family, unsigned int skip,
				  struct pid **found)
{
	struct task_struct *task;
	unsigned int nr = 0;

	/* The list of children of a task would need a lock that modules do not have. */
	rcu_read_lock();
	for_each_process(task) {
		if (!is_child(family, task))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		found[nr++] = get_pid(task_tgid(task));
		if (nr == CHILDREN_PER_WALK)
			break;
	}
	rcu_read_unlock();
	return nr;
}

static int follow(struct ds_session *session, struct pid *pid)
{
	struct ds_target *target;

	if (!ds_session_has_room(session))
		return -ENOSPC;
	target = ds_target_create_child(session->cred, pid);
	if (IS_ERR(target))
		return PTR_ERR(target);
	ds_session_append(session, target);
	session->children.followed++;
	return 0;
}

/* Those that have exited since need not be left out any more. */
static void forget_exited(struct ds_children *children)
{
	unsigned int kept = 0;
	unsigned int i;

	for (i = 0; i < children->nr_left_out; i++) {
		struct pid *pid = children->left_out[i];

		if (pid_has_task(pid, PIDTYPE_TGID))
			children->left_out[kept++] = pid;
		else
			put_pid(pid);
	}
	children->nr_left_out = kept;
}

static void look_for_children(struct ds_session *session)
{
	struct family family = { .session = session };
	struct pid *found[CHILDREN_PER_WALK];
	unsigned int skip = 0, walks = 0;
	unsigned int added, nr, i;

	session->children.unwatched = 0;
	do {
		mark_targets(&family);
		nr = find_children(&family, skip, found);
		added = 0;
		for (i = 0; i < nr; i++) {
			int err = follow(session, found[i]);

			put_pid(found[i]);
			added += !err;
			/* Those that have exited are no loss. */
			session->children.unwatched += err && err != -ESRCH;
		}
		/* They come first in each walk, which is in the order of forking. */
		skip += nr - added;
	} while ((added || nr == CHILDREN_PER_WALK) && ++walks < WALKS_PER_LOOK);
	session->children.again = walks == WALKS_PER_LOOK;
}

void ds_children_follow(struct ds_session *session)
{
	struct ds_children *children = &session->children;
	unsigned int cursor = idr_get_cursor(&init_pid_ns.idr);

	if (!(session->attrs.flags & DAMON_SCHEMES_ATTR_CHILDREN))
		return;
	/* No process was made since, and none is to be asked for once more. */
	if (cursor == children->cursor && !children->again && !children->unwatched)
		return;
	children->cursor = cursor;
	forget_exited(children);
	look_for_children(session);
}

void ds_children_leave_out(struct ds_children *children, struct pid *pid)
{
	if (is_left_out(children, pid))
		return;
	if (children->nr_left_out == DS_MAX_LEFT_OUT) {
		put_pid(children->left_out[0]);
		children->nr_left_out--;
		memmove(&children->left_out[0], &children->left_out[1],
			children->nr_left_out * sizeof(children->left_out[0]));
	}
	children->left_out[children->nr_left_out++] = get_pid(pid);
}

void ds_children_forget(struct ds_children *children, const struct pid *pid)
{
	unsigned int i;

	for (i = 0; i < children->nr_left_out; i++) {
		if (children->left_out[i] != pid)
			continue;
		put_pid(children->left_out[i]);
		children->left_out[i] = children->left_out[--children->nr_left_out];
		return;
	}
}

void ds_children_forget_all(struct ds_children *children)
{
	while (children->nr_left_out)
		put_pid(children->left_out[--children->nr_left_out]);
}
