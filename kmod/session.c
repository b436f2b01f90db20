// SPDX-License-Identifier: GPL-2.0-only
/* Sessions: made, changed, ended. */

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "sampler.h"
#include "search.h"
#include "session.h"

static const struct damon_schemes_attrs default_attrs = DS_DEFAULT_ATTRS;

static void free_store(struct ds_store *store)
{
	kvfree(store->regions.regions);
	kvfree(store->other.regions);
	kvfree(store->regions.slices);
	kvfree(store->other.slices);
	kvfree(store->addrs);
	kvfree(store->runs);
	ds_search_free(&store->search);
}

/* Room for as many regions as there may be, and those that adopting adds before merging. */
static int create_store(struct ds_store *store, u32 max_regions, u32 flags)
{
	u32 capacity = max_regions + DS_LAYOUT_ADDED;
	size_t region_bytes = (size_t)capacity * sizeof(struct ds_region);
	size_t slice_bytes = DS_MAX_TARGETS * sizeof(struct ds_slice);
	size_t addr_bytes = (size_t)capacity * sizeof(unsigned long);
	u32 runs = flags & DAMON_SCHEMES_ATTR_MAPPINGS ?
			   min_t(u32, capacity, DS_MAX_RUNS) : 0;
	size_t run_bytes = runs * sizeof(struct ds_run);

	memset(store, 0, sizeof(*store));
	/* One target's regions are adopted in the other half, which needs more room. */
	store->other.regions = kvzalloc(region_bytes + DS_LAYOUT_ADDED *
				       sizeof(struct ds_region), GFP_KERNEL_ACCOUNT);
	store->regions.regions = kvzalloc(region_bytes + DS_LAYOUT_ADDED *
					  sizeof(struct ds_region), GFP_KERNEL_ACCOUNT);
	store->regions.slices = kvzalloc(slice_bytes, GFP_KERNEL_ACCOUNT);
	store->other.slices = kvzalloc(slice_bytes, GFP_KERNEL_ACCOUNT);
	store->addrs = kvzalloc(addr_bytes, GFP_KERNEL_ACCOUNT);
	if (runs)
		store->runs = kvzalloc(run_bytes, GFP_KERNEL_ACCOUNT);
	if (!store->regions.regions || !store->other.regions || !store->regions.slices ||
	    !store->other.slices || !store->addrs || (runs && !store->runs) ||
	    (flags & DAMON_SCHEMES_ATTR_SEARCH &&
	     ds_search_create(&store->search, max_regions))) {
		free_store(store);
		return -ENOMEM;
	}
	store->regions.capacity = capacity;
	store->other.capacity = capacity;
	store->runs_capacity = runs;
	store->bytes = 2 * (region_bytes + slice_bytes) + addr_bytes + run_bytes +
		       2 * DS_LAYOUT_ADDED * sizeof(struct ds_region) +
		       ds_search_bytes(&store->search);
	return 0;
}

struct ds_session *ds_session_create(const struct cred *cred,
				     const struct ds_consumer *consumer)
{
	struct ds_session *session;

	session = kvzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return ERR_PTR(-ENOMEM);
	session->attrs = default_attrs;
	if (create_store(&session->store, session->attrs.max_regions,
			 session->attrs.flags)) {
		kvfree(session);
		return ERR_PTR(-ENOMEM);
	}
	mutex_init(&session->lock);
	mutex_init(&session->scanning);
	ds_outbox_init(&session->outbox);
	ds_random_seed(&session->random, get_random_u64());
	session->cred = get_cred(cred);
	session->consumer = consumer;
	session->pid_ns = get_pid_ns(task_active_pid_ns(current));
	return session;
}

void ds_session_destroy(struct ds_session *session)
{
	unsigned int i;

	ds_session_stop(session);
	for (i = 0; i < session->store.regions.nr_slices; i++)
		ds_target_destroy(session->targets[i]);
	ds_children_forget_all(&session->children);
	put_pid_ns(session->pid_ns);
	put_cred(session->cred);
	ds_outbox_free(&session->outbox);
	free_store(&session->store);
	mutex_destroy(&session->scanning);
	mutex_destroy(&session->lock);
	kvfree(session);
}

void ds_session_get_attrs(struct ds_session *session, struct damon_schemes_attrs *attrs)
{
	mutex_lock(&session->lock);
	*attrs = session->attrs;
	mutex_unlock(&session->lock);
}

bool ds_attrs_are_valid(const struct damon_schemes_attrs *attrs)
{
	return attrs->sampling_interval_us >= DS_MIN_INTERVAL_US &&
	       attrs->sampling_interval_us <= attrs->aggregation_interval_us &&
	       attrs->aggregation_interval_us <= attrs->update_interval_us &&
	       attrs->update_interval_us <= DS_MAX_INTERVAL_US &&
	       attrs->min_regions >= 3 && attrs->min_regions <= attrs->max_regions &&
	       attrs->max_regions <= DS_MAX_REGIONS &&
	       is_power_of_2(attrs->min_region_size) &&
	       attrs->min_region_size >= PAGE_SIZE &&
	       attrs->min_region_size <= DS_MAX_REGION_SIZE &&
	       attrs->tlb_policy <= DAMON_SCHEMES_TLB_FULL &&
	       !(attrs->flags & ~DS_ATTR_FLAGS);
}

static u32 most_targets(u32 max_regions)
{
	return min_t(u32, DS_MAX_TARGETS, max_regions / DS_LAYOUT_RANGES);
}

/* Move the regions to a store of another size, or one with room for other things, too. */
static int resize_store(struct ds_session *session, u32 max_regions, u32 flags)
{
	const struct ds_regions *from = &session->store.regions;
	struct ds_store store;
	int err;

	err = create_store(&store, max_t(u32, max_regions, from->nr), flags);
	if (err)
		return err;
	memcpy(store.regions.regions, from->regions, from->nr * sizeof(*from->regions));
	memcpy(store.regions.slices, from->slices,
	       from->nr_slices * sizeof(*from->slices));
	store.regions.nr = from->nr;
	store.regions.nr_slices = from->nr_slices;
	ds_session_drain(session);
	free_store(&session->store);
	session->store = store;
	return 0;
}

/* Bring regions that are there to the new attributes. */
static void retune(struct ds_session *session, const struct damon_schemes_attrs *from)
{
	const struct damon_schemes_attrs *to = &session->attrs;
	const struct ds_intervals intervals_from = {
		.sampling = from->sampling_interval_us,
		.aggregation = from->aggregation_interval_us,
	};
	const struct ds_intervals intervals_to = {
		.sampling = to->sampling_interval_us,
		.aggregation = to->aggregation_interval_us,
	};

	ds_regions_retune(&session->store.regions, &intervals_from, &intervals_to);
	if (to->min_region_size > from->min_region_size)
		ds_regions_align(&session->store.regions, to->min_region_size);
	if (!ds_session_limits(session).search)
		ds_search_erase(&session->store.regions);
}

static bool needs_other_store(const struct damon_schemes_attrs *from,
			      const struct damon_schemes_attrs *to)
{
	const u32 with_memory = DAMON_SCHEMES_ATTR_SEARCH | DAMON_SCHEMES_ATTR_MAPPINGS;

	return to->max_regions != from->max_regions ||
	       (to->flags ^ from->flags) & with_memory;
}

/* Now, or where regions are being sampled at the end of the interval. */
static void lay_out_anew(struct ds_session *session)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++) {
		ds_target_forget_shape(session->targets[i]);
		if (!session->thread)
			ds_sampler_update(session, i);
	}
}

int ds_session_set_attrs(struct ds_session *session,
			 const struct damon_schemes_attrs *attrs)
{
	struct damon_schemes_attrs before;
	u32 changed;
	int err = 0;

	if (!ds_attrs_are_valid(attrs))
		return -EINVAL;
	mutex_lock(&session->lock);
	ds_session_search_abandon(session);
	if (session->store.regions.nr_slices > most_targets(attrs->max_regions))
		err = -ENOSPC;
	else if (needs_other_store(&session->attrs, attrs))
		err = resize_store(session, attrs->max_regions, attrs->flags);
	changed = attrs->flags ^ session->attrs.flags;
	if (!err) {
		before = session->attrs;
		session->attrs = *attrs;
		retune(session, &before);
		ds_sampler_retime(session);
		if ((changed & DAMON_SCHEMES_ATTR_MAPPINGS) ||
		    attrs->min_region_size != before.min_region_size)
			lay_out_anew(session);
		session->children.again = true;
		if (session->thread)
			wake_up_process(session->thread);
	}
	mutex_unlock(&session->lock);
	return err;
}

bool ds_session_has_room(const struct ds_session *session)
{
	return session->store.regions.nr_slices <
	       most_targets(session->attrs.max_regions);
}

void ds_session_append(struct ds_session *session, struct ds_target *target)
{
	struct ds_regions *regions = &session->store.regions;
	struct ds_slice *slice = &regions->slices[regions->nr_slices];

	target->id = ++session->last_target_id;
	session->targets[regions->nr_slices] = target;
	slice->first = regions->nr;
	slice->nr = 0;
	regions->nr_slices++;
}

int ds_session_add_target(struct ds_session *session,
			  struct damon_schemes_target *request)
{
	struct ds_target *target;
	int err = 0;

	if (request->flags || request->id || request->pid <= 0)
		return -EINVAL;
	mutex_lock(&session->lock);
	if (!ds_session_has_room(session)) {
		err = -ENOSPC;
		goto unlock;
	}
	target = ds_target_create(session->cred, request->pid);
	if (IS_ERR(target)) {
		err = PTR_ERR(target);
		goto unlock;
	}
	ds_session_search_abandon(session);
	ds_session_append(session, target);
	request->id = target->id;
	ds_children_forget(&session->children, target->pid);
	session->children.again = true;
	/* Where its mappings cannot be looked at right now, the thread tries again. */
	ds_sampler_lay_out(session, session->store.regions.nr_slices - 1);
unlock:
	mutex_unlock(&session->lock);
	return err;
}

int ds_session_find_target(const struct ds_session *session, u64 id)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		if (session->targets[i]->id == id)
			return i;
	return -ENOENT;
}

int ds_session_remove_target(struct ds_session *session,
			     const struct damon_schemes_target *request)
{
	struct ds_regions *regions = &session->store.regions;
	unsigned int last;
	int i;

	if (request->flags || request->pid)
		return -EINVAL;
	mutex_lock(&session->lock);
	i = ds_session_find_target(session, request->id);
	if (i >= 0) {
		/* Flushes read the addresses by region, and regions are about to move. */
		ds_session_drain(session);
		ds_session_search_abandon(session);
		if ((session->attrs.flags & DAMON_SCHEMES_ATTR_CHILDREN) &&
		    ds_target_check(session->targets[i]) != -ESRCH)
			ds_children_leave_out(&session->children,
					      session->targets[i]->pid);
		session->children.again = true;
		ds_target_destroy(session->targets[i]);
		last = regions->nr_slices - 1;
		memmove(&session->targets[i], &session->targets[i + 1],
			(last - i) * sizeof(session->targets[0]));
		session->targets[last] = NULL;
		ds_regions_remove(regions, i);
	}
	mutex_unlock(&session->lock);
	return i < 0 ? i : 0;
}

int ds_session_start(struct ds_session *session)
{
	struct task_struct *thread;
	int err = 0;

	mutex_lock(&session->lock);
	if (session->thread) {
		err = -EALREADY;
		goto unlock;
	}
	thread = kthread_create(ds_sampler_run, session, "damon_schemes/%d",
				task_pid_nr(current));
	if (IS_ERR(thread)) {
		err = PTR_ERR(thread);
		goto unlock;
	}
	/* Its last CPU time is asked for after it has ended. */
	get_task_struct(thread);
	session->thread = thread;
	ds_sampler_retime(session);
	wake_up_process(thread);
unlock:
	mutex_unlock(&session->lock);
	return err;
}

int ds_session_stop(struct ds_session *session)
{
	struct task_struct *thread;

	mutex_lock(&session->lock);
	thread = session->thread;
	session->thread = NULL;
	/* It may end before it has seen the request, and none can be made from here on. */
	ds_scan_end(session, -ECANCELED);
	mutex_unlock(&session->lock);
	if (!thread)
		return -EALREADY;
	/* Not under the lock, which the thread takes before it ends. */
	kthread_stop(thread);
	mutex_lock(&session->lock);
	session->thread_ns_before += thread->se.sum_exec_runtime;
	session->stats.thread_ns = session->thread_ns_before;
	ds_session_drain(session);
	mutex_unlock(&session->lock);
	put_task_struct(thread);
	return 0;
}

void ds_session_get_stats(struct ds_session *session, struct damon_schemes_stats *stats)
{
	const struct ds_regions *regions = &session->store.regions;
	struct ds_outbox *outbox = &session->outbox;

	mutex_lock(&session->lock);
	*stats = session->stats;
	stats->nr_targets = regions->nr_slices;
	stats->nr_regions = regions->nr;
	stats->tlb_policy = ds_tlb_policy(session);
	stats->children = session->children.followed;
	stats->children_unwatched = session->children.unwatched;
	stats->memory_bytes = sizeof(*session) + session->store.bytes +
			      regions->nr_slices * sizeof(struct ds_target);
	if (session->thread)
		stats->thread_pid = pid_nr_ns(task_pid(session->thread), session->pid_ns);
	mutex_unlock(&session->lock);
	spin_lock(&outbox->lock);
	stats->lost = outbox->lost;
	stats->memory_bytes += outbox->bytes;
	spin_unlock(&outbox->lock);
	stats->snapshot_bytes = ds_outbox_waiting_bytes(outbox);
}
