/* SPDX-License-Identifier: GPL-2.0-only */
/* One watched process: its pid, the address space it has now, and its mappings. */
#ifndef DAMON_SCHEMES_TARGET_H
#define DAMON_SCHEMES_TARGET_H

#include <linux/cred.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/pid.h>

#include "access/flush.h"
#include "core/layout.h"

/**
 * struct ds_target - a watched process
 * @registered: in the list of all address spaces that are sampled.
 * @id: unique within the session.
 * @generation: grows by one each time @mm becomes another.
 * @pid: holds a reference.
 * @mm: mmgrab()ed, no user of it held; NULL while there is none to watch.
 * @flags: DAMON_SCHEMES_TARGET_*.
 * @unlaid: it has no regions yet, its mappings could not be looked at so far.
 * @flush: its last TLB flush; in its own memory, since processors may still run it.
 *
 * Protected by the session's lock, @registered by the registry's.
 */
struct ds_target {
	struct list_head registered;
	u64 id;
	u64 generation;
	struct pid *pid;
	struct mm_struct *mm;
	u32 flags;
	bool unlaid;
	struct ds_flush flush;
};

/*
 * Watch process @nr of the caller's pid namespace on behalf of @cred.
 * Returns the target or ERR_PTR: -ESRCH, -EINVAL, -EPERM, -EBUSY, -ENOMEM as
 * ADD_TARGET documents them.
 */
struct ds_target *ds_target_create(const struct cred *cred, pid_t nr);

/* Waits for its last flush. */
void ds_target_destroy(struct ds_target *target);

/*
 * Bring the target up to date with the process: gone, or another program since, which
 * @cred must be allowed to watch.
 * Returns whether its address space changed, so that its regions mean nothing.
 */
bool ds_target_refresh(struct ds_target *target, const struct cred *cred);

/*
 * Whether the process still has the address space that is watched: 0, -ESRCH it has
 * exited, -ESTALE it has another, -EPERM it has one that may not be watched.
 */
int ds_target_check(const struct ds_target *target);

/* Whether who calls may watch @mm; whom a session works for is asked apart. */
bool ds_caller_may_watch(const struct mm_struct *mm);

/* Hold users of its address space for one pass; false where it is gone. */
bool ds_target_get_mm(struct ds_target *target);
void ds_target_put_mm(struct ds_target *target);

/**
 * struct ds_lock_cost - how the mmap lock was had
 * @max_ns: the longest time it was held so far; raised where this was longer.
 */
struct ds_lock_cost {
	u64 max_ns;
};

/*
 * Read the layout of its mappings, the lock tried for and given up whenever somebody
 * waits for it.  False where it could not be had often enough; @layout is not set.
 * May sleep for a millisecond or two.
 */
bool ds_target_layout(struct ds_target *target, u64 min_region_size,
		      struct ds_lock_cost *cost, struct ds_layout *layout);

#endif
