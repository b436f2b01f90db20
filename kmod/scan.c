// SPDX-License-Identifier: GPL-2.0-only
/* Scans: asked for, served in slices, ended. */

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "access/flush.h"
#include "sampler.h"
#include "scan.h"
#include "search.h"
#include "session.h"

static bool is_valid(const struct damon_schemes_scan *request)
{
	/*
	 * The kernel's half has the same tables, and is nobody's to look at.  The last page
	 * below it is never mapped, but a region that is aligned outwards may reach to it.
	 */
	return !(request->flags & ~DAMON_SCHEMES_SCAN_CLEAR) && !request->reserved &&
	       PAGE_ALIGNED(request->start) && PAGE_ALIGNED(request->end) &&
	       request->start < request->end && request->end <= TASK_SIZE_MAX + PAGE_SIZE &&
	       (request->end - request->start) >> PAGE_SHIFT <=
		       DAMON_SCHEMES_SCAN_MAX_PAGES;
}

/* Whether the address space that was meant is still there; else the command's error. */
static int check_target(const struct ds_scan *scan, const struct ds_target *target)
{
	int err = ds_target_check(target);

	if (!err && target->generation != scan->generation)
		err = -ESTALE;
	return err;
}

static int post(struct ds_session *session, struct ds_scan *scan)
{
	const struct ds_target *target;
	int which, err;

	which = ds_session_find_target(session, scan->target_id);
	if (which < 0)
		return which;
	if (!session->thread)
		return -EAGAIN;
	target = session->targets[which];
	err = check_target(scan, target);
	if (err)
		return err;
	/* The opener was asked when the target got this address space. */
	if (!ds_caller_may_watch(target->mm))
		return -EPERM;
	if (scan->scanning.clear && ds_tlb_policy(session) == DAMON_SCHEMES_TLB_NONE)
		return -EOPNOTSUPP;
	WRITE_ONCE(session->scan, scan);
	wake_up_process(session->thread);
	return 0;
}

/* Leave the request with the session until it is done, or the caller is killed. */
static int hand_over(struct ds_session *session, struct ds_scan *scan)
{
	int err;

	mutex_lock(&session->lock);
	err = post(session, scan);
	mutex_unlock(&session->lock);
	if (err)
		return err;
	err = wait_for_completion_killable(&scan->done);
	if (!err)
		return scan->err;
	mutex_lock(&session->lock);
	WRITE_ONCE(session->scan, NULL);
	mutex_unlock(&session->lock);
	return err;
}

int ds_session_scan(struct ds_session *session, const struct damon_schemes_scan *request)
{
	void __user *states = u64_to_user_ptr(request->states);
	struct ds_scan scan = {
		.target_id = request->target_id,
		.generation = request->generation,
		.scanning = {
			.start = request->start,
			.end = request->end,
			.next = request->start,
			.clear = request->flags & DAMON_SCHEMES_SCAN_CLEAR,
		},
	};
	size_t nr_pages;
	int err;

	if (!is_valid(request))
		return -EINVAL;
	nr_pages = (request->end - request->start) >> PAGE_SHIFT;
	/* Before anything is cleared. */
	if (!access_ok(states, nr_pages))
		return -EFAULT;
	scan.scanning.states = kvzalloc(nr_pages, GFP_KERNEL_ACCOUNT);
	if (!scan.scanning.states)
		return -ENOMEM;
	init_completion(&scan.done);
	err = mutex_lock_killable(&session->scanning);
	if (!err) {
		err = hand_over(session, &scan);
		mutex_unlock(&session->scanning);
	}
	/* Not under the mutex: the caller's memory may be long in coming. */
	if (!err && copy_to_user(states, scan.scanning.states, nr_pages))
		err = -EFAULT;
	kvfree(scan.scanning.states);
	return err;
}

bool ds_scan_waits(const struct ds_session *session)
{
	return READ_ONCE(session->scan);
}

void ds_scan_end(struct ds_session *session, int err)
{
	struct ds_scan *scan = session->scan;

	if (!scan)
		return;
	WRITE_ONCE(session->scan, NULL);
	scan->err = err;
	complete(&scan->done);
}

/* Every access from now on sets a bit again. */
static void flush_and_wait(struct ds_session *session, struct mm_struct *mm)
{
	struct ds_flush flush = { .mm = mm, .policy = DAMON_SCHEMES_TLB_FULL };

	session->stats.flush_ipis += ds_flush_send(&flush);
	session->stats.flushes++;
	ds_flush_wait(&flush);
}

static int serve_slice(struct ds_session *session, struct ds_scan *scan)
{
	const struct ds_regions *regions = &session->store.regions;
	struct ds_scanning *scanning = &scan->scanning;
	const struct ds_slice *slice;
	struct ds_target *target;
	int which, err;
	bool held;

	which = ds_session_find_target(session, scan->target_id);
	if (which < 0)
		return which;
	target = session->targets[which];
	slice = &regions->slices[which];
	held = ds_target_get_mm(target);
	err = check_target(scan, target);
	/* Its last user has gone, and the process not quite yet. */
	if (!err && !held)
		err = -ESRCH;
	if (!err) {
		ds_scan_slice(target->mm, scanning, &regions->regions[slice->first],
			      slice->nr, &session->stats);
		/* What others had cleared before may be cached, too. */
		if (scanning->next == scanning->end && scanning->clear)
			flush_and_wait(session, target->mm);
	}
	if (held)
		ds_target_put_mm(target);
	return err;
}

void ds_scan_serve(struct ds_session *session)
{
	struct ds_scan *scan = session->scan;
	const struct ds_scanning *scanning;
	int err;

	if (!scan)
		return;
	scanning = &scan->scanning;
	/* Pages whose bits it has cleared would look idle. */
	ds_session_search_give_back(session);
	err = serve_slice(session, scan);
	if (!err && scanning->next != scanning->end)
		return;
	if (!err) {
		session->stats.scans++;
		session->stats.scanned_pages +=
			(scanning->end - scanning->start) >> PAGE_SHIFT;
	}
	ds_scan_end(session, err);
}
