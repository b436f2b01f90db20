// SPDX-License-Identifier: GPL-2.0-only
/* Counts of context switches, asked for at each pass. */

#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "activity.h"

/* To ask more of them costs as much as to look at a few pages. */
#define MOST_THREADS 16

static u64 switches_of(const struct task_struct *thread)
{
	return READ_ONCE(thread->nvcsw) + READ_ONCE(thread->nivcsw);
}

/* False where one is running, or where the address space is others', too. */
static bool count_switches(const struct task_struct *leader, const struct mm_struct *mm,
			   u64 *switches)
{
	const struct signal_struct *signal = leader->signal;
	const struct task_struct *thread;
	int users = 1; /* the caller */

	if (READ_ONCE(signal->nr_threads) > MOST_THREADS)
		return false;
	/* Those that have exited: so that the sum never falls. */
	*switches = READ_ONCE(signal->nvcsw) + READ_ONCE(signal->nivcsw);
	for_each_thread(leader, thread) {
		/* It is counted before it says that it is off the processor. */
		if (smp_load_acquire(&thread->on_cpu))
			return false;
		*switches += switches_of(thread);
		users += READ_ONCE(thread->mm) == mm;
	}
	return atomic_read(&mm->mm_users) == users;
}

bool ds_activity_paused(struct ds_activity *activity, struct pid *pid,
			const struct mm_struct *mm)
{
	const struct task_struct *leader;
	u64 before = activity->switches;
	bool comparable = activity->counted;

	rcu_read_lock();
	leader = pid_task(pid, PIDTYPE_TGID);
	activity->counted = leader && count_switches(leader, mm, &activity->switches);
	rcu_read_unlock();
	return comparable && activity->counted && activity->switches == before;
}
