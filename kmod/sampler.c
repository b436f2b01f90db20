// SPDX-License-Identifier: GPL-2.0-only
/* The monitoring thread: passes, aggregations, updates. */

#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>

#include "access/flush.h"
#include "access/sampling.h"
#include "announce.h"
#include "core/adjust.h"
#include "core/layout.h"
#include "sampler.h"

/* The timer may be this much late, to go off together with others. */
#define TIMER_SLACK_NS 50000

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
	timing->update = now + attrs->update_interval_us * NSEC_PER_USEC;
	timing->interval_start = now;
	timing->passes = 0;
}

static void flush_target(struct ds_session *session, struct ds_target *target,
			 const unsigned long *addrs, unsigned int nr)
{
	u32 policy = ds_tlb_policy(session);

	if (policy == DAMON_SCHEMES_TLB_NONE)
		return;
	if (!nr) {
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

static void visit_target(struct ds_session *session, unsigned int which, bool prepare)
{
	struct ds_slice *slice = &session->store.regions.slices[which];
	struct ds_region *regions = &session->store.regions.regions[slice->first];
	unsigned long *addrs = &session->store.addrs[slice->first];
	struct ds_target *target = session->targets[which];
	struct ds_visit visit = {
		.prepare = prepare,
		.random = &session->random,
		.addrs = addrs,
		.stats = &session->stats,
	};
	unsigned int nr;

	if (!slice->nr)
		return;
	if (!ds_target_get_mm(target)) {
		forget_samples(regions, slice->nr);
		return;
	}
	/*
	 * While processors still read the addresses of the last flush, no page can be
	 * prepared: one that is not flushed looks idle however hot it is.
	 */
	if (prepare && !ds_flush_done(&target->flush)) {
		session->stats.flushes_skipped++;
		visit.prepare = false;
	}
	nr = ds_visit_regions(target->mm, regions, slice->nr, &visit);
	if (visit.prepare)
		flush_target(session, target, addrs, nr);
	ds_target_put_mm(target);
}

static void visit_targets(struct ds_session *session, bool prepare)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		visit_target(session, i, prepare);
}

/* The scratch regions take the place of one target's, whatever has to be merged. */
static void replace_regions(struct ds_session *session, unsigned int which, u32 nr)
{
	struct ds_regions *regions = &session->store.regions;
	const struct ds_region *with = session->store.other.regions;

	/* No room: the target keeps what it has until merging has made some. */
	if (ds_regions_replace(regions, which, with, nr))
		session->stats.updates_missed++;
}

static u32 lay_out(struct ds_session *session, unsigned int which,
		   const struct ds_layout *layout)
{
	const struct ds_limits limits = ds_session_limits(session);
	const struct ds_regions *regions = &session->store.regions;
	u64 total = ds_regions_bytes(regions) + ds_layout_bytes(layout);
	u32 used = regions->nr - regions->slices[which].nr;
	u32 room = limits.max_regions > used ? limits.max_regions - used : 0;

	return ds_layout_regions(layout, total / limits.min_regions,
				 limits.min_region_size, session->store.other.regions,
				 max_t(u32, room, DS_LAYOUT_RANGES));
}

void ds_sampler_update(struct ds_session *session, unsigned int which)
{
	struct ds_regions *regions = &session->store.regions;
	struct ds_slice *slice = &regions->slices[which];
	struct ds_target *target = session->targets[which];
	struct ds_lock_cost cost = { .max_ns = session->stats.lock_max_ns };
	struct ds_layout layout;
	bool looked;
	u32 nr;

	if (!ds_target_get_mm(target))
		return;
	looked = ds_target_layout(target, session->attrs.min_region_size, &cost, &layout);
	ds_target_put_mm(target);
	session->stats.lock_max_ns = cost.max_ns;
	if (!looked) {
		session->stats.updates_missed++;
		return;
	}
	session->stats.updates++;
	if (target->unlaid || !slice->nr)
		nr = lay_out(session, which, &layout);
	else
		nr = ds_layout_adopt(&layout, &regions->regions[slice->first], slice->nr,
				     session->store.other.regions);
	target->unlaid = false;
	replace_regions(session, which, nr);
}

static void refresh_targets(struct ds_session *session)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++) {
		struct ds_target *target = session->targets[i];

		if (ds_target_refresh(target, session->cred))
			ds_regions_replace(&session->store.regions, i, NULL, 0);
		if (target->unlaid)
			ds_sampler_update(session, i);
	}
}

static void update_targets(struct ds_session *session)
{
	unsigned int i;

	for (i = 0; i < session->store.regions.nr_slices; i++)
		ds_sampler_update(session, i);
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

/* The end of an aggregation interval: all samples were checked, none is prepared. */
static void aggregate(struct ds_session *session, u64 now)
{
	const struct damon_schemes_attrs *attrs = &session->attrs;
	const struct ds_limits limits = ds_session_limits(session);
	struct ds_timing *timing = &session->timing;

	/* Flushes read the addresses by region, and regions are about to move. */
	ds_session_drain(session);
	/* Before merging, so that what it lays out counts for the maximum. */
	refresh_targets(session);
	ds_regions_aggregate(&session->store.regions, &limits);
	ds_regions_merge(&session->store.regions, &limits);
	publish(session, now);
	ds_regions_reset(&session->store.regions);
	if (now >= timing->update) {
		update_targets(session);
		timing->update = now + attrs->update_interval_us * NSEC_PER_USEC;
	}
	split_regions(session, &limits);
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

static void pass(struct ds_session *session)
{
	u64 now = ktime_get_ns();
	bool ends_interval = now >= session->timing.aggregation;

	if (now < session->timing.sample)
		return;
	session->timing.passes++;
	session->stats.passes++;
	visit_targets(session, !ends_interval);
	announce_sampling(session, now);
	if (ends_interval) {
		aggregate(session, now);
		visit_targets(session, true);
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
	visit_targets(session, false);
	mutex_unlock(&session->lock);
	return 0;
}
