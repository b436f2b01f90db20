// SPDX-License-Identifier: GPL-2.0-only
/* Visits to regions, in batches with interrupts off. */

#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "access/leaf.h"
#include "access/sampling.h"

static void account_irq_off(struct damon_schemes_stats *stats, u64 ns)
{
	unsigned int bucket = ns ? ilog2(ns) : 0;

	if (bucket >= DAMON_SCHEMES_IRQ_OFF_BUCKETS)
		bucket = DAMON_SCHEMES_IRQ_OFF_BUCKETS - 1;
	stats->irq_off_log2_ns[bucket]++;
	if (ns > stats->irq_off_max_ns)
		stats->irq_off_max_ns = ns;
}

static void check_region(struct mm_struct *mm, struct ds_region *region,
			 struct damon_schemes_stats *stats)
{
	if (region->pending == DS_PENDING_NONE)
		return;
	ds_region_count(region, ds_leaf_check(mm, region->sample, region->pending));
	region->pending = DS_PENDING_NONE;
	stats->checks++;
}

static unsigned int visit_batch(struct mm_struct *mm, struct ds_region *regions,
				unsigned int nr, const struct ds_visit *visit,
				unsigned long *addrs)
{
	unsigned int written = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct ds_region *region = &regions[i];

		check_region(mm, region, visit->stats);
		if (!visit->prepare)
			continue;
		region->sample = ds_region_pick(region, visit->random, PAGE_SIZE);
		region->pending = ds_leaf_prepare(mm, region->sample);
		if (region->pending == DS_PENDING_YOUNG ||
		    region->pending == DS_PENDING_OLD)
			addrs[written++] = region->sample;
	}
	return written;
}

unsigned int ds_visit_regions(struct mm_struct *mm, struct ds_region *regions,
			      unsigned int nr, const struct ds_visit *visit)
{
	unsigned int written = 0;
	unsigned int i;

	kthread_use_mm(mm);
	for (i = 0; i < nr; i += DS_SAMPLING_BATCH) {
		unsigned long flags;
		u64 start;

		local_irq_save(flags);
		start = ktime_get_ns();
		written += visit_batch(mm, &regions[i],
				       min_t(unsigned int, DS_SAMPLING_BATCH, nr - i),
				       visit, &visit->addrs[written]);
		account_irq_off(visit->stats, ktime_get_ns() - start);
		local_irq_restore(flags);
		cond_resched();
	}
	kthread_unuse_mm(mm);
	return written;
}
