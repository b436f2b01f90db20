/* SPDX-License-Identifier: GPL-2.0-only */
/* Children of targets: found, and made targets. */
#ifndef DAMON_SCHEMES_CHILDREN_H
#define DAMON_SCHEMES_CHILDREN_H

#include <linux/pid.h>

struct ds_session;

/* Processes that were removed by name and live; the oldest is forgotten for one more. */
#define DS_MAX_LEFT_OUT 64

/**
 * struct ds_children - how far a session is with its targets' children
 * @cursor: of pids given out on this machine, when it was last looked.
 * @again: look even if there is no new process.
 * @followed: children that became targets so far.
 * @unwatched: found at the last look and not targets: not permitted, no room, or in
 *	the address space of another (vfork).
 * @left_out: processes that were targets and were removed; each holds a reference.
 * @nr_left_out: how many.
 *
 * Protected by the session's lock.
 */
struct ds_children {
	unsigned int cursor;
	bool again;
	u64 followed;
	u32 unwatched;
	struct pid *left_out[DS_MAX_LEFT_OUT];
	unsigned int nr_left_out;
};

/*
 * Make targets of all processes whose parent is one, if the session is to.  By the
 * monitoring thread, under the session's lock, while no flush is under way.
 */
void ds_children_follow(struct ds_session *session);

/* It was removed: it does not come back as a child. */
void ds_children_leave_out(struct ds_children *children, struct pid *pid);
/* It was added: if it is removed again, that counts anew. */
void ds_children_forget(struct ds_children *children, const struct pid *pid);
void ds_children_forget_all(struct ds_children *children);

#endif
