// SPDX-License-Identifier: GPL-2.0-only
/* The monitoring thread: passes, aggregations, updates. */

#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>

#include "access/flush.h"
#include "access/sampling.h"
#include "announce.h"
#include "children.h"
#include "core/adjust.h"
#include "core/layout.h"
#include "core/runs.h"
#include "sampler.h"
#include "search.h"

/* The timer may be this much late, to go off together with others. */
#define TIMER_SLACK_NS 50000
/* A target that maps and unmaps all the time is looked at once in so many aggregations. */
#define LONGEST_WAIT 64

struct ds_limits ds_session_limits(const struct ds_session *session)
{
	const struct damon_schemes_attrs *attrs = &session->attrs;
	struct ds_intervals intervals = {
		.sampling = attrs->sampling_interval_us,
		.aggregation = attrs->aggregation_interval_us,
	};
	struct ds_limits limits = {
		.min_regions = attrs->min_regions,
		.max_regions = attrs->max_regions,
		.max_nr_accesses = ds_max_nr_accesses(&intervals),
		.min_region_size = attrs->min_region_size,
		/* Where nothing is flushed, a clear bit says nothing. */
		.search = attrs->flags & DAMON_SCHEMES_ATTR_SEARCH &&
			  ds_tlb_policy(session) != DAMON_SCHEMES_TLB_NONE,
	};

	return limits;
}

void ds_session_drain(struct ds_session *session)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		ds_flush_wait(&session->targets[i]->flush);
}

void ds_sampler_retime(struct ds_session *session)
{
	const struct damon_schemes_attrs *attrs = &session->attrs;
	struct ds_timing *timing = &session->timing;
	u64 now = ktime_get_ns();

	timing->sample = now;
	timing->aggregation = now + attrs->aggregation_interval_us * NSEC_PER_USEC;
	timing->interval_start = now;
	timing->passes = 0;
}

static void flush_target(struct ds_session *session, struct ds_target *target,
			 bool searched, const unsigned long *addrs, unsigned int nr)
{
	/* What a search has cleared is more than a few pages. */
	u32 policy = searched ? DAMON_SCHEMES_TLB_FULL : ds_tlb_policy(session);

	if (policy == DAMON_SCHEMES_TLB_NONE)
		return;
	if (!nr && !searched) {
		session->stats.flushes_skipped++;
		return;
	}
	target->flush.mm = target->mm;
	target->flush.policy = policy;
	target->flush.addrs = addrs;
	target->flush.nr_addrs = nr;
	session->stats.flush_ipis += ds_flush_send(&target->flush);
	session->stats.flushes++;
}

static void forget_samples(struct ds_region *regions, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		regions[i].pending = DS_PENDING_NONE;
}

/*
 * The steps of a visit; searches begin with an interval, before its first samples, and end
 * with it, after its last.
 */
enum visit_steps {
	CHECK_AND_PREPARE,
	BEGIN_INTERVAL,
	END_INTERVAL,
};

/*
 * What has not run has accessed nothing.  Asked for before any sample is prepared, so that
 * it is known at the next pass whether it has run since.
 */
static bool count_paused(struct ds_target *target, struct ds_region *regions, u32 nr,
			 enum visit_steps steps)
{
	return ds_activity_paused(&target->activity, target->pid, target->mm) &&
	       steps == CHECK_AND_PREPARE && ds_regions_count_unused(regions, nr);
}

/* Its address space is loaded once for all of it: that costs as much as two looks. */
static void visit_loaded(struct ds_session *session, unsigned int which,
			 enum visit_steps steps, bool prepare)
{
	struct ds_slice *slice = &session->store.regions.slices[which];
	unsigned long *addrs = &session->store.addrs[slice->first];
	struct ds_target *target = session->targets[which];
	struct ds_visit visit = {
		.prepare = prepare,
		.random = &session->random,
		.addrs = addrs,
		.stats = &session->stats,
	};
	bool searched = false;
	unsigned int nr;

	kthread_use_mm(target->mm);
	/*
	 * Before samples are prepared: a bit that is given back after one must have been
	 * set since the search has cleared it.
	 */
	if (steps == BEGIN_INTERVAL && prepare)
		searched = ds_session_search_clear(session, which);
	nr = ds_visit_regions(target->mm, &session->store.regions.regions[slice->first],
			      slice->nr, &visit);
	if (steps == END_INTERVAL)
		ds_session_search_look(session, which);
	kthread_unuse_mm(target->mm);
	/* Not before: this processor has it loaded for nobody from here on. */
	if (prepare)
		flush_target(session, target, searched, addrs, nr);
}

static void visit_target(struct ds_session *session, unsigned int which,
			 enum visit_steps steps)
{
	struct ds_slice *slice = &session->store.regions.slices[which];
	struct ds_region *regions = &session->store.regions.regions[slice->first];
	struct ds_target *target = session->targets[which];
	bool prepare = steps != END_INTERVAL;

	if (!slice->nr)
		return;
	if (!ds_target_get_mm(target)) {
		forget_samples(regions, slice->nr);
		if (steps == END_INTERVAL)
			ds_session_search_lose(session, which);
		return;
	}
	if (!prepare || !count_paused(target, regions, slice->nr, steps)) {
		/*
		 * While processors still read the addresses of the last flush, no page can
		 * be prepared: one that is not flushed looks idle however hot it is.
		 */
		if (prepare && !ds_flush_done(&target->flush)) {
			session->stats.flushes_skipped++;
			prepare = false;
		}
		visit_loaded(session, which, steps, prepare);
	}
	ds_target_put_mm(target);
	cond_resched();
}

static void visit_targets(struct ds_session *session, enum visit_steps steps)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		visit_target(session, i, steps);
}

/* The scratch regions take the place of one target's; false without room for them. */
static bool replace_regions(struct ds_session *session, unsigned int which, u32 nr)
{
	struct ds_regions *regions = &session->store.regions;
	const struct ds_region *with = session->store.other.regions;

	/* No room: the target keeps what it has until merging has made some. */
	return !ds_regions_replace(regions, which, with, nr);
}

/* What each target can have if all have the same. */
static u32 fair_share(const struct ds_session *session)
{
	unsigned int living = 0;
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		living += !(session->targets[i]->flags & DAMON_SCHEMES_TARGET_EXITED);
	return session->attrs.max_regions / max(living, 1U);
}

/* Regions that a target may have beside those of the others. */
static u32 room_for(const struct ds_session *session, unsigned int which, u32 most)
{
	const struct ds_regions *regions = &session->store.regions;
	u32 used = regions->nr - regions->slices[which].nr;

	return most > used ? most - used : 0;
}

static u64 first_size(const struct ds_session *session, u64 bytes)
{
	u64 total = ds_regions_bytes(&session->store.regions) + bytes;

	return total / session->attrs.min_regions;
}

static bool follow_layout(struct ds_session *session, unsigned int which,
			  struct ds_lock_cost *cost)
{
	struct ds_slice *slice = &session->store.regions.slices[which];
	struct ds_region *regions = &session->store.regions.regions[slice->first];
	struct ds_region *to = session->store.other.regions;
	struct ds_target *target = session->targets[which];
	u64 min_region_size = session->attrs.min_region_size;
	u32 room = room_for(session, which, session->attrs.max_regions);
	struct ds_layout layout;
	u32 nr;

	if (!ds_target_layout(target, min_region_size, cost, &layout))
		return false;
	if (target->unlaid || !slice->nr)
		nr = ds_layout_regions(&layout,
				       first_size(session, ds_layout_bytes(&layout)),
				       min_region_size, to,
				       max_t(u32, room, DS_LAYOUT_RANGES));
	else
		nr = ds_layout_adopt(&layout, regions, slice->nr, to);
	return replace_regions(session, which, nr);
}

/*
 * Runs are a quarter of the share at most: so that there is something left to split, and
 * so that splitting goes on, which it does up to half of it.
 */
static u32 most_runs(const struct ds_session *session)
{
	return max_t(u32, fair_share(session) / 4, DS_LAYOUT_RANGES);
}

static bool follow_runs(struct ds_session *session, unsigned int which,
			struct ds_lock_cost *cost)
{
	struct ds_store *store = &session->store;
	struct ds_slice *slice = &store->regions.slices[which];
	struct ds_target *target = session->targets[which];
	u32 room = room_for(session, which, store->regions.capacity);
	struct ds_runs runs = {
		.runs = store->runs,
		.capacity = store->runs_capacity,
		.min_region_size = session->attrs.min_region_size,
	};
	u32 nr;

	if (!room || !ds_target_runs(target, cost, &runs))
		return false;
	ds_runs_limit(&runs, min(room, most_runs(session)));
	if (target->unlaid || !slice->nr)
		nr = ds_runs_regions(&runs, first_size(session, ds_runs_bytes(&runs)),
				     store->other.regions,
				     clamp(fair_share(session), runs.nr, room));
	else
		nr = ds_runs_adopt(&runs, &store->regions.regions[slice->first],
				   slice->nr, store->other.regions, room);
	return replace_regions(session, which, nr);
}

/* The three ranges, where the target had runs: their holes are too many to adopt. */
static bool leave_runs(struct ds_session *session, unsigned int which,
		       struct ds_lock_cost *cost)
{
	struct ds_store *store = &session->store;
	struct ds_slice *slice = &store->regions.slices[which];
	u32 room = room_for(session, which, store->regions.capacity);
	struct ds_run memory[DS_LAYOUT_RANGES] = {};
	struct ds_runs runs = { .runs = memory };
	struct ds_layout layout;
	u32 nr;

	if (room < DS_LAYOUT_RANGES ||
	    !ds_target_layout(session->targets[which], session->attrs.min_region_size,
			      cost, &layout))
		return false;
	for (; runs.nr < layout.nr; runs.nr++) {
		memory[runs.nr].start = layout.ranges[runs.nr].start;
		memory[runs.nr].end = layout.ranges[runs.nr].end;
	}
	nr = ds_runs_adopt(&runs, &store->regions.regions[slice->first], slice->nr,
			   store->other.regions, room);
	return replace_regions(session, which, nr);
}

void ds_sampler_update(struct ds_session *session, unsigned int which)
{
	struct ds_target *target = session->targets[which];
	struct ds_lock_cost cost = { .max_ns = session->stats.lock_max_ns };
	bool by_runs = session->attrs.flags & DAMON_SCHEMES_ATTR_MAPPINGS;
	bool followed;

	if (!ds_target_get_mm(target))
		return;
	/* In vain or not: who has the lock all the time is not asked more often. */
	target->looked_at = ktime_get_ns();
	if (by_runs)
		followed = follow_runs(session, which, &cost);
	else if (target->by_runs)
		followed = leave_runs(session, which, &cost);
	else
		followed = follow_layout(session, which, &cost);
	ds_target_put_mm(target);
	session->stats.lock_max_ns = cost.max_ns;
	if (!followed) {
		session->stats.updates_missed++;
		return;
	}
	session->stats.updates++;
	target->by_runs = by_runs;
	target->unlaid = false;
}

void ds_sampler_lay_out(struct ds_session *session, unsigned int which)
{
	u32 room = room_for(session, which, session->attrs.max_regions);

	if (room >= fair_share(session))
		ds_sampler_update(session, which);
}

static void refresh_targets(struct ds_session *session)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		if (ds_target_refresh(session->targets[i], session->cred))
			ds_regions_replace(&session->store.regions, i, NULL, 0);
}

/* So that those that have no regions yet find as many free as are their share. */
static void merge_regions(struct ds_session *session, struct ds_limits limits)
{
	u32 share = fair_share(session);
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		if (session->targets[i]->unlaid)
			limits.max_regions -= share;
	ds_regions_merge(&session->store.regions, &limits);
}

static void lay_out_targets(struct ds_session *session)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		if (session->targets[i]->unlaid)
			ds_sampler_update(session, i);
}

/*
 * Those that were not looked at for an update interval, and those whose mappings are
 * others than they were.
 */
static void update_targets(struct ds_session *session, u64 now)
{
	const struct damon_schemes_attrs *attrs = &session->attrs;
	u64 interval = attrs->update_interval_us * NSEC_PER_USEC;
	u64 longest = div64_u64(attrs->update_interval_us, attrs->aggregation_interval_us);
	unsigned int i;

	/* The end of the aggregation interval that is nearest. */
	now += attrs->aggregation_interval_us * NSEC_PER_USEC / 2;
	for (i = 0; i < session->store.regions.nr_slices; i++) {
		struct ds_target *target = session->targets[i];
		bool changed = ds_target_has_changed(target,
						     min_t(u64, longest, LONGEST_WAIT));

		if (changed || now >= target->looked_at + interval)
			ds_sampler_update(session, i);
	}
}

static struct ds_view look_at(const struct ds_session *session, u64 now)
{
	const struct ds_limits limits = ds_session_limits(session);
	struct ds_view view = {
		.regions = &session->store.regions,
		.targets = session->targets,
		.pid_ns = session->pid_ns,
		.header = {
			.time_ns = now,
			.duration_ns = now - session->timing.interval_start,
			.sampling_interval_us = session->attrs.sampling_interval_us,
			.aggregation_interval_us = session->attrs.aggregation_interval_us,
			.passes = session->timing.passes,
			.max_nr_accesses = limits.max_nr_accesses,
			.tlb_policy = ds_tlb_policy(session),
		},
	};

	return view;
}

static void publish(struct ds_session *session, u64 now)
{
	const struct ds_view view = look_at(session, now);

	if (session->consumer)
		session->consumer->aggregated(&view);
	else
		ds_outbox_publish(&session->outbox, &view);
	session->stats.snapshots++;
	ds_announce_aggregation(&view);
}

static void split_regions(struct ds_session *session, const struct ds_limits *limits)
{
	struct ds_store *store = &session->store;
	u32 nr = store->regions.nr;

	if (ds_regions_split(&store->regions, &store->other, limits,
			     session->last_nr_regions, &session->random))
		swap(store->regions, store->other);
	session->last_nr_regions = nr;
}

/*
 * The end of an aggregation interval: all samples were checked, none is prepared, and no flush
 * is under way.
 */
static void aggregate(struct ds_session *session, u64 now)
{
	const struct damon_schemes_attrs *attrs = &session->attrs;
	const struct ds_limits limits = ds_session_limits(session);
	struct ds_timing *timing = &session->timing;

	/* Before targets are refreshed: it speaks of the regions as they are. */
	ds_session_search_conclude(session);
	refresh_targets(session);
	ds_children_follow(session);
	ds_regions_aggregate(&session->store.regions, &limits);
	merge_regions(session, limits);
	lay_out_targets(session);
	publish(session, now);
	ds_regions_reset(&session->store.regions);
	update_targets(session, now);
	split_regions(session, &limits);
	ds_session_search_plan(session);
	timing->aggregation += attrs->aggregation_interval_us * NSEC_PER_USEC;
	/* Late by a whole interval: do not hurry after the lost time. */
	if (timing->aggregation <= now)
		timing->aggregation =
			now + attrs->aggregation_interval_us * NSEC_PER_USEC;
	timing->interval_start = now;
	timing->passes = 0;
}

static void schedule_next(struct ds_session *session, u64 now)
{
	u64 interval = session->attrs.sampling_interval_us * NSEC_PER_USEC;
	struct ds_timing *timing = &session->timing;

	timing->sample += interval;
	if (timing->sample <= now) {
		session->stats.late_passes++;
		timing->sample = now + interval;
	}
}

static void announce_sampling(const struct ds_session *session, u64 now)
{
	struct ds_view view;

	if (!ds_announce_is_heard())
		return;
	view = look_at(session, now);
	ds_announce_sampling(&view);
}

/*
 * No flush is under way from here on: they read the addresses by region, and regions are about
 * to move; and what a search has cleared is idle only where it was flushed.
 */
static void end_interval(struct ds_session *session)
{
	ds_session_drain(session);
	visit_targets(session, END_INTERVAL);
}

static void pass(struct ds_session *session)
{
	u64 now = ktime_get_ns();
	bool ends_interval = now >= session->timing.aggregation;

	if (now < session->timing.sample)
		return;
	session->timing.passes++;
	session->stats.passes++;
	if (ends_interval)
		end_interval(session);
	else
		visit_targets(session, CHECK_AND_PREPARE);
	announce_sampling(session, now);
	if (ends_interval) {
		aggregate(session, now);
		visit_targets(session, BEGIN_INTERVAL);
	}
	session->stats.thread_ns =
		session->thread_ns_before + current->se.sum_exec_runtime;
	schedule_next(session, now);
}

/* Until the next pass is due, or until somebody wakes the thread. */
static void sleep_until(const struct ds_session *session, u64 due)
{
	ktime_t at = ns_to_ktime(due);

	set_current_state(TASK_IDLE);
	if (!kthread_should_stop() && !ds_scan_waits(session))
		schedule_hrtimeout_range(&at, TIMER_SLACK_NS, HRTIMER_MODE_ABS);
	__set_current_state(TASK_RUNNING);
}

int ds_sampler_run(void *data)
{
	struct ds_session *session = data;

	while (!kthread_should_stop()) {
		u64 due;

		mutex_lock(&session->lock);
		pass(session);
		ds_scan_serve(session);
		due = session->timing.sample;
		mutex_unlock(&session->lock);
		if (session->consumer)
			session->consumer->passed();
		sleep_until(session, due);
		cond_resched();
	}
	/* Give back the bits of the samples that are still prepared. */
	mutex_lock(&session->lock);
	end_interval(session);
	ds_session_search_conclude(session);
	mutex_unlock(&session->lock);
	return 0;
}
