/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a process has run: one that has not has accessed nothing. */
#ifndef DAMON_SCHEMES_ACTIVITY_H
#define DAMON_SCHEMES_ACTIVITY_H

#include <linux/mm_types.h>
#include <linux/pid.h>

/**
 * struct ds_activity - what was found when the process was asked for last
 * @switches: how often its threads had been switched away from.
 * @counted: @switches says so; else there was no telling.
 */
struct ds_activity {
	u64 switches;
	bool counted;
};

/*
 * Whether nobody has used @mm, the address space of process @pid, since the last call:
 * none of its threads has run, and no one else has it.  False where there is no telling:
 * the first time, with many threads, where another process or a driver holds it, too.
 * The caller holds one user of @mm.
 *
 * What others do to its memory from outside (ptrace, process_vm_readv(), devices) counts
 * as no use, as it sets no Accessed bit either, unless it brings a page in.
 */
bool ds_activity_paused(struct ds_activity *activity, struct pid *pid,
			const struct mm_struct *mm);

#endif
