// SPDX-License-Identifier: GPL-2.0-only
/*
 * An observer as other kernel code may have one: counts what it is told.
 *
 *	modprobe damon_schemes && insmod damon_schemes_access_counter.ko
 *	cat /sys/module/damon_schemes_access_counter/parameters/accessed_bytes
 */

#include <linux/compiler.h>
#include <linux/module.h>

#include "observer.h"

static ulong samplings;
module_param(samplings, ulong, 0444);
MODULE_PARM_DESC(samplings, "Samplings told of, all sessions together");

static ulong aggregations;
module_param(aggregations, ulong, 0444);
MODULE_PARM_DESC(aggregations, "Aggregations told of, all sessions together");

static int last_pid;
module_param(last_pid, int, 0444);
MODULE_PARM_DESC(last_pid, "The process told of last");

static ulong accessed_bytes;
module_param(accessed_bytes, ulong, 0444);
MODULE_PARM_DESC(accessed_bytes,
		 "Bytes in accessed regions, all targets of the last aggregation");

static ulong watched_bytes;
module_param(watched_bytes, ulong, 0444);
MODULE_PARM_DESC(watched_bytes, "Bytes in regions, all targets of the last aggregation");

/* Sessions tell of theirs at the same time: a count may miss one, and is one anyway. */
static void count(ulong *what)
{
	WRITE_ONCE(*what, READ_ONCE(*what) + 1);
}

static void after_sampling(struct damon_schemes_observer *observer,
			   const struct damon_schemes_observation *observation)
{
	count(&samplings);
}

static void after_aggregation(struct damon_schemes_observer *observer,
			      const struct damon_schemes_observation *observation)
{
	struct damon_schemes_observed target;
	ulong accessed = 0, watched = 0;
	u32 which, i;

	for (which = 0; damon_schemes_observed_target(observation, which, &target); which++) {
		for (i = 0; i < target.nr_regions; i++) {
			u64 bytes = ds_region_size(&target.regions[i]);

			watched += bytes;
			if (target.regions[i].nr_accesses)
				accessed += bytes;
		}
		WRITE_ONCE(last_pid, pid_nr(target.pid));
	}
	WRITE_ONCE(accessed_bytes, accessed);
	WRITE_ONCE(watched_bytes, watched);
	count(&aggregations);
}

static struct damon_schemes_observer counter = {
	.after_sampling = after_sampling,
	.after_aggregation = after_aggregation,
};

static int __init access_counter_init(void)
{
	return damon_schemes_register_observer(&counter);
}

static void __exit access_counter_exit(void)
{
	damon_schemes_unregister_observer(&counter);
}

module_init(access_counter_init);
module_exit(access_counter_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The damon-schemes authors");
MODULE_DESCRIPTION("An example of an observer of damon_schemes");
