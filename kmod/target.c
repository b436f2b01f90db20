// SPDX-License-Identifier: GPL-2.0-only
/* Watched processes: found, held, followed through exec, let go. */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "target.h"

/* Mappings looked at before others get a chance to take the lock. */
#define MAPPINGS_PER_HOLD 64
/* Tries in one look that got nowhere, as others had the lock or waited for it. */
#define FRUITLESS_TRIES 16
/* Between them, in microseconds: a mapping call has ended by then. */
#define TRY_AGAIN_AFTER_US 20
#define TRY_AGAIN_UNTIL_US 100

/* Two samplers of one address space would clear each other's bits. */
static DEFINE_MUTEX(registry_lock);
static LIST_HEAD(registry);

static bool registry_has(const struct mm_struct *mm)
{
	const struct ds_target *other;

	list_for_each_entry(other, &registry, registered)
		if (other->mm == mm)
			return true;
	return false;
}

/* Make @mm the target's, unless somebody samples it already. */
static int adopt_mm(struct ds_target *target, struct mm_struct *mm)
{
	int err = -EBUSY;

	mutex_lock(&registry_lock);
	if (!registry_has(mm)) {
		mmgrab(mm);
		target->mm = mm;
		list_add(&target->registered, &registry);
		err = 0;
	}
	mutex_unlock(&registry_lock);
	return err;
}

static void drop_mm(struct ds_target *target)
{
	struct mm_struct *mm = target->mm;

	if (!mm)
		return;
	ds_flush_wait(&target->flush);
	mutex_lock(&registry_lock);
	list_del(&target->registered);
	target->mm = NULL;
	mutex_unlock(&registry_lock);
	mmdrop(mm);
}

/* A process lives on in its other threads when the first has exited. */
static struct mm_struct *process_mm(struct task_struct *leader)
{
	struct mm_struct *mm = get_task_mm(leader);
	struct task_struct *thread;

	if (mm)
		return mm;
	rcu_read_lock();
	for_each_thread(leader, thread) {
		mm = get_task_mm(thread);
		if (mm)
			break;
	}
	rcu_read_unlock();
	return mm;
}

bool ds_caller_may_watch(const struct mm_struct *mm)
{
	return capable(CAP_SYS_ADMIN) || ns_capable(mm->user_ns, CAP_SYS_PTRACE);
}

/* As ptrace would ask, for whom the session is; security modules are not asked. */
static bool may_watch(const struct cred *cred, struct mm_struct *mm)
{
	const struct cred *own = override_creds(cred);
	bool may = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN) ||
		   ns_capable_noaudit(mm->user_ns, CAP_SYS_PTRACE);

	revert_creds(own);
	return may;
}

struct ds_target *ds_target_create(const struct cred *cred, pid_t nr)
{
	struct task_struct *task;
	struct ds_target *target;
	struct mm_struct *mm;
	int err;

	target = kzalloc(sizeof(*target), GFP_KERNEL_ACCOUNT);
	if (!target)
		return ERR_PTR(-ENOMEM);
	target->pid = find_get_pid(nr);
	task = get_pid_task(target->pid, PIDTYPE_TGID);
	if (!task) {
		err = -ESRCH;
		goto free_target;
	}
	if (task->flags & PF_KTHREAD) {
		err = -EINVAL;
		goto put_task;
	}
	mm = process_mm(task);
	if (!mm) {
		err = -ESRCH;
		goto put_task;
	}
	if (!ds_caller_may_watch(mm) || !may_watch(cred, mm))
		err = -EPERM;
	else
		err = adopt_mm(target, mm);
	mmput_async(mm);
	if (err)
		goto put_task;
	put_task_struct(task);
	target->unlaid = true;
	return target;

put_task:
	put_task_struct(task);
free_target:
	put_pid(target->pid);
	kfree(target);
	return ERR_PTR(err);
}

void ds_target_destroy(struct ds_target *target)
{
	drop_mm(target);
	put_pid(target->pid);
	kfree(target);
}

static bool mark_exited(struct ds_target *target)
{
	bool had_mm = target->mm;

	drop_mm(target);
	target->flags = DAMON_SCHEMES_TARGET_EXITED;
	target->unlaid = false;
	return had_mm;
}

/* Another program runs in the process now: watch that, if it may be watched. */
static bool follow_exec(struct ds_target *target, const struct cred *cred,
			struct mm_struct *mm)
{
	bool had_mm = target->mm;

	drop_mm(target);
	target->unlaid = false;
	if (!may_watch(cred, mm) || adopt_mm(target, mm)) {
		target->flags = DAMON_SCHEMES_TARGET_DENIED;
		return had_mm;
	}
	target->flags = 0;
	target->generation++;
	target->unlaid = true;
	return true;
}

bool ds_target_refresh(struct ds_target *target, const struct cred *cred)
{
	struct task_struct *task;
	struct mm_struct *mm = NULL;
	bool changed = false;

	if (target->flags & DAMON_SCHEMES_TARGET_EXITED)
		return false;
	task = get_pid_task(target->pid, PIDTYPE_TGID);
	if (task) {
		mm = process_mm(task);
		put_task_struct(task);
	}
	if (!mm)
		return mark_exited(target);
	if (mm != target->mm)
		changed = follow_exec(target, cred, mm);
	if (target->mm) {
		target->flags &= ~DAMON_SCHEMES_TARGET_UNSEEN_ACCESSES;
		if (mm_has_notifiers(mm))
			target->flags |= DAMON_SCHEMES_TARGET_UNSEEN_ACCESSES;
	}
	mmput_async(mm);
	return changed;
}

int ds_target_check(const struct ds_target *target)
{
	struct task_struct *task = get_pid_task(target->pid, PIDTYPE_TGID);
	struct mm_struct *mm = NULL;

	if (task) {
		mm = process_mm(task);
		put_task_struct(task);
	}
	if (!mm)
		return -ESRCH;
	mmput_async(mm);
	if (target->flags & DAMON_SCHEMES_TARGET_DENIED)
		return -EPERM;
	return mm == target->mm ? 0 : -ESTALE;
}

bool ds_target_get_mm(struct ds_target *target)
{
	return target->mm && mmget_not_zero(target->mm);
}

void ds_target_put_mm(struct ds_target *target)
{
	/* The last user tears the address space down, which is not ours to wait for. */
	mmput_async(target->mm);
}

/* Returns the address to go on from; 0 at the end (no mapping ends there). */
static unsigned long add_mappings(struct mm_struct *mm, unsigned long from,
				  struct ds_layout_walk *walk)
{
	unsigned int nr = 0;

	while (nr++ < MAPPINGS_PER_HOLD && !mmap_lock_is_contended(mm)) {
		struct vm_area_struct *vma = find_vma(mm, from);

		if (!vma)
			return 0;
		ds_layout_add(walk, max(vma->vm_start, from), vma->vm_end);
		from = vma->vm_end;
	}
	return from;
}

/*
 * The lock is never waited for: its holder may wait for a disk, and whoever comes
 * behind a waiting reader waits with it.
 */
bool ds_target_layout(struct ds_target *target, u64 min_region_size,
		      struct ds_lock_cost *cost, struct ds_layout *layout)
{
	struct mm_struct *mm = target->mm;
	struct ds_layout_walk walk = {};
	unsigned int fruitless = 0;
	unsigned long from = 0;

	while (fruitless < FRUITLESS_TRIES) {
		unsigned long last = from;

		if (mmap_read_trylock(mm)) {
			u64 start = ktime_get_ns();

			from = add_mappings(mm, from, &walk);
			mmap_read_unlock(mm);
			cost->max_ns = max(cost->max_ns, ktime_get_ns() - start);
			if (!from) {
				ds_layout_finish(&walk, min_region_size, layout);
				return true;
			}
		}
		if (from == last) {
			fruitless++;
			usleep_range(TRY_AGAIN_AFTER_US, TRY_AGAIN_UNTIL_US);
		}
	}
	return false;
}
