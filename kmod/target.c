// SPDX-License-Identifier: GPL-2.0-only
/* Watched processes: found, held, followed through exec, let go. */

#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "target.h"
#include "uapi/damon_schemes.h"

static_assert(DS_KIND_ANY == DAMON_SCHEMES_KIND_ANY);

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

/* Takes the reference to @pid over. */
static struct ds_target *create(const struct cred *cred, struct pid *pid, bool is_child)
{
	struct task_struct *task;
	struct ds_target *target;
	struct mm_struct *mm;
	int err;

	target = kzalloc(sizeof(*target), GFP_KERNEL_ACCOUNT);
	if (!target) {
		put_pid(pid);
		return ERR_PTR(-ENOMEM);
	}
	target->pid = pid;
	target->is_child = is_child;
	task = get_pid_task(pid, PIDTYPE_TGID);
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
	if (!(is_child || ds_caller_may_watch(mm)) || !may_watch(cred, mm))
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

struct ds_target *ds_target_create(const struct cred *cred, pid_t nr)
{
	return create(cred, find_get_pid(nr), false);
}

struct ds_target *ds_target_create_child(const struct cred *cred, struct pid *pid)
{
	return create(cred, get_pid(pid), true);
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

static struct ds_shape shape_of(const struct mm_struct *mm)
{
	/* Each may change while it is read: what does not fit together is a change. */
	const struct ds_shape shape = {
		.nr = READ_ONCE(mm->map_count),
		.total = READ_ONCE(mm->total_vm),
		.data = READ_ONCE(mm->data_vm),
		.exec = READ_ONCE(mm->exec_vm),
		.stack = READ_ONCE(mm->stack_vm),
		.brk = READ_ONCE(mm->brk),
	};

	return shape;
}

static bool same_shape(const struct ds_shape *one, const struct ds_shape *other)
{
	return one->nr == other->nr && one->total == other->total &&
	       one->data == other->data && one->exec == other->exec &&
	       one->stack == other->stack && one->brk == other->brk;
}

bool ds_target_has_changed(struct ds_target *target, u32 longest_wait)
{
	struct ds_shape shape;

	if (!target->mm)
		return false;
	if (target->rest) {
		target->rest--;
		return false;
	}
	shape = shape_of(target->mm);
	if (same_shape(&shape, &target->shape)) {
		/*
		 * Trusted again only after as long a rest: one that maps and unmaps the
		 * same all the time is now and then found as it was.
		 */
		if (++target->quiet > target->wait) {
			target->wait /= 2;
			target->quiet = 0;
		}
		return false;
	}
	target->quiet = 0;
	target->rest = target->wait;
	target->wait = min(2 * target->wait + 1, longest_wait);
	return true;
}

/* Neither the kernel's own mappings (vdso, vvar) nor memory without page descriptors. */
static bool may_be_sampled(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		return false;
	return vma->vm_file || !vma->vm_ops;
}

static bool is_on_disk(const struct vm_area_struct *vma)
{
	const struct super_block *files = file_inode(vma->vm_file)->i_sb;

	return files->s_magic != TMPFS_MAGIC && files->s_magic != HUGETLBFS_MAGIC;
}

static enum damon_schemes_kind kind_of(const struct vm_area_struct *vma)
{
	const struct mm_struct *mm = vma->vm_mm;

	/* Private huge pages of no file have one of the kernel's all the same. */
	if (vma->vm_ops &&
	    (vma->vm_flags & (VM_MAYSHARE | VM_HUGETLB)) == VM_HUGETLB)
		return DAMON_SCHEMES_KIND_ANONYMOUS;
	if (vma->vm_ops && (vma->vm_flags & VM_MAYSHARE) && !is_on_disk(vma))
		return DAMON_SCHEMES_KIND_SHARED;
	if (vma->vm_ops)
		return DAMON_SCHEMES_KIND_FILE;
	if (vma->vm_start < mm->brk && vma->vm_end > mm->start_brk)
		return DAMON_SCHEMES_KIND_HEAP;
	if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack)
		return DAMON_SCHEMES_KIND_STACK;
	return DAMON_SCHEMES_KIND_ANONYMOUS;
}

/**
 * struct look - what becomes of the mappings that are looked at
 * @layout: takes them, if it is not NULL; else:
 * @runs: takes them.
 */
struct look {
	struct ds_layout_walk *layout;
	struct ds_runs *runs;
};

static void take(const struct look *look, const struct vm_area_struct *vma,
		 unsigned long from)
{
	unsigned long start = max(vma->vm_start, from);

	if (look->layout)
		ds_layout_add(look->layout, start, vma->vm_end);
	else if (may_be_sampled(vma))
		ds_runs_add(look->runs, start, vma->vm_end, kind_of(vma));
}

/* One more may be two runs: see ds_runs_add(). */
static bool is_full(const struct look *look)
{
	return !look->layout && look->runs->nr + 2 > look->runs->capacity;
}

/* Returns the address to go on from; 0 at the end (no mapping ends there). */
static unsigned long add_mappings(struct mm_struct *mm, unsigned long from,
				  const struct look *look)
{
	unsigned int nr = 0;
	/* From one to the next, for finding each anew is most of the look. */
	VMA_ITERATOR(mappings, mm, from);

	while (nr++ < MAPPINGS_PER_HOLD && !mmap_lock_is_contended(mm) &&
	       !is_full(look)) {
		struct vm_area_struct *vma = vma_next(&mappings);

		if (!vma)
			return 0;
		take(look, vma, from);
		from = vma->vm_end;
	}
	return from;
}

/*
 * The lock is never waited for: its holder may wait for a disk, and whoever comes
 * behind a waiting reader waits with it.
 */
static bool look_at_mappings(struct ds_target *target, struct ds_lock_cost *cost,
			     const struct look *look)
{
	struct mm_struct *mm = target->mm;
	/* Before the look: what changes during it is another change. */
	const struct ds_shape shape = shape_of(mm);
	unsigned int fruitless = 0;
	unsigned long from = 0;

	while (fruitless < FRUITLESS_TRIES) {
		unsigned long last = from;

		if (mmap_read_trylock(mm)) {
			u64 start = ktime_get_ns();

			from = add_mappings(mm, from, look);
			mmap_read_unlock(mm);
			cost->max_ns = max(cost->max_ns, ktime_get_ns() - start);
			if (!from) {
				target->shape = shape;
				return true;
			}
			/* Not with the lock held, for it may take a while. */
			if (is_full(look))
				ds_runs_limit(look->runs, look->runs->capacity / 2);
		}
		if (from == last) {
			fruitless++;
			usleep_range(TRY_AGAIN_AFTER_US, TRY_AGAIN_UNTIL_US);
		}
	}
	return false;
}

bool ds_target_layout(struct ds_target *target, u64 min_region_size,
		      struct ds_lock_cost *cost, struct ds_layout *layout)
{
	struct ds_layout_walk walk = {};
	const struct look look = { .layout = &walk };

	if (!look_at_mappings(target, cost, &look))
		return false;
	ds_layout_finish(&walk, min_region_size, layout);
	return true;
}

bool ds_target_runs(struct ds_target *target, struct ds_lock_cost *cost,
		    struct ds_runs *runs)
{
	const struct look look = { .runs = runs };

	return look_at_mappings(target, cost, &look);
}
