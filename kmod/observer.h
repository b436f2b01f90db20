/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For other kernel code: what is found, told while it is found.
 *
 * A registered observer is called by the monitoring thread of every session, after
 * each sampling and after each aggregation, with a view of the targets and their
 * regions that it may read until it returns.  examples/access_counter.c is one.
 *
 * The functions are exported to GPL modules.  A module that calls them keeps this one
 * loaded, and unregisters before it goes.
 */
#ifndef DAMON_SCHEMES_OBSERVER_H
#define DAMON_SCHEMES_OBSERVER_H

#include <linux/list.h>
#include <linux/pid.h>
#include <linux/types.h>

#include "core/region.h"

struct ds_view;

/**
 * struct damon_schemes_observation - what one session has found so far
 * @time_ns: CLOCK_MONOTONIC.
 * @passes: samplings since the aggregation interval began, this one included.
 * @max_nr_accesses: what a region counts that was accessed at every look.
 * @nr_targets: processes; see damon_schemes_observed_target().
 * @view: not for observers.
 */
struct damon_schemes_observation {
	u64 time_ns;
	u32 passes;
	u32 max_nr_accesses;
	u32 nr_targets;
	const struct ds_view *view;
};

/**
 * struct damon_schemes_observed - one watched process
 * @pid: no reference is held for the observer, who takes one to keep it.
 * @flags: DAMON_SCHEMES_TARGET_* of uapi/damon_schemes.h.
 * @nr_regions: how many; none once the process has exited.
 * @regions: sorted by address.  @sampled, @accessed and @absent count the looks of
 *	the running interval; @nr_accesses is valid after an aggregation.
 */
struct damon_schemes_observed {
	struct pid *pid;
	u32 flags;
	u32 nr_regions;
	const struct ds_region *regions;
};

/**
 * struct damon_schemes_observer - who wants to be told
 * @after_sampling: each region's page was looked at once more; NULL if not wanted.
 * @after_aggregation: the interval has ended, its counts and ages are final and the
 *	regions not yet split; NULL if not wanted.
 * @registered: not for observers.
 *
 * Called in process context with the session's lock held, by several threads at once
 * where there are several sessions.  It may sleep, but as long as it takes nothing
 * else is sampled in that session.  It must not unregister itself, nor wait for
 * anybody who has a session's file in use.
 */
struct damon_schemes_observer {
	void (*after_sampling)(struct damon_schemes_observer *observer,
			       const struct damon_schemes_observation *observation);
	void (*after_aggregation)(struct damon_schemes_observer *observer,
				  const struct damon_schemes_observation *observation);
	struct list_head registered;
};

int damon_schemes_register_observer(struct damon_schemes_observer *observer);
void damon_schemes_unregister_observer(struct damon_schemes_observer *observer);
bool damon_schemes_observed_target(const struct damon_schemes_observation *observation,
				   u32 which, struct damon_schemes_observed *target);

#endif
