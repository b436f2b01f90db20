/* SPDX-License-Identifier: GPL-2.0-only */
/* One watched process: its pid, the address space it has now, and its mappings. */
#ifndef DAMON_SCHEMES_TARGET_H
#define DAMON_SCHEMES_TARGET_H

#include <linux/cred.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>

#include "access/flush.h"
#include "activity.h"
#include "core/layout.h"
#include "core/runs.h"

/**
 * struct ds_shape - what an address space counts of its mappings
 * @nr: mappings.
 * @total: pages mapped; the following are of those.
 * @data: writable and private.
 * @exec: executable.
 * @stack: of stacks.
 * @brk: the end of the heap.
 *
 * Two that differ are of different mappings.  Two that are the same nearly always are
 * not; but what is unmapped while as much is mapped elsewhere does not show.
 */
struct ds_shape {
	int nr;
	unsigned long total;
	unsigned long data;
	unsigned long exec;
	unsigned long stack;
	unsigned long brk;
};

/**
 * struct ds_target - a watched process
 * @registered: in the list of all address spaces that are sampled.
 * @id: unique within the session.
 * @generation: grows by one each time @mm becomes another.
 * @pid: holds a reference.
 * @mm: mmgrab()ed, no user of it held; NULL while there is none to watch.
 * @flags: DAMON_SCHEMES_TARGET_*.
 * @unlaid: it has no regions yet, its mappings could not be looked at so far.
 * @by_runs: its regions are those of its runs of mappings.
 * @is_child: it was not added, but followed.
 * @looked_at: when its mappings were last looked at, in ns of CLOCK_MONOTONIC.
 * @shape: then.
 * @rest: aggregations that have to pass before a change of @shape counts.
 * @wait: @rest after the next look that a change asks for.
 * @quiet: aggregations without a change, up to @wait.
 * @activity: whether it has run between two passes.
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
	bool by_runs;
	bool is_child;
	u64 looked_at;
	struct ds_shape shape;
	u32 rest;
	u32 wait;
	u32 quiet;
	struct ds_activity activity;
	struct ds_flush flush;
};

/*
 * Watch process @nr of the caller's pid namespace on behalf of @cred.
 * Returns the target or ERR_PTR: -ESRCH, -EINVAL, -EPERM, -EBUSY, -ENOMEM as
 * ADD_TARGET documents them.
 */
struct ds_target *ds_target_create(const struct cred *cred, pid_t nr);

/*
 * The same for the process that @pid is, whom no caller asked to watch.  Takes no
 * reference over.  -ESRCH, -EPERM, -EBUSY, -ENOMEM
 */
struct ds_target *ds_target_create_child(const struct cred *cred, struct pid *pid);

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
static inline bool ds_target_get_mm(struct ds_target *target)
{
	return target->mm && mmget_not_zero(target->mm);
}

static inline void ds_target_put_mm(struct ds_target *target)
{
	/* The last user tears the address space down, which is not ours to wait for. */
	mmput_async(target->mm);
}

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

/*
 * The same for its runs, of enum damon_schemes_kind: what may be sampled, without the
 * kernel's and devices' own mappings.  @runs is empty and has its memory.
 */
bool ds_target_runs(struct ds_target *target, struct ds_lock_cost *cost,
		    struct ds_runs *runs);

/* Whatever its mappings are, they count as changed. */
static inline void ds_target_forget_shape(struct ds_target *target)
{
	target->shape.nr = -1;
	target->rest = 0;
}

/*
 * Whether its mappings may be others than when they were last looked at; takes no lock.
 * Called once an aggregation; where they change all the time it says so more and more
 * seldom, at last once in @longest_wait aggregations.
 */
bool ds_target_has_changed(struct ds_target *target, u32 longest_wait);

#endif
