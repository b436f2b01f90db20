/* SPDX-License-Identifier: GPL-2.0-only */
/* Batches with interrupts off, and how long they took. */
#ifndef DAMON_SCHEMES_ACCESS_IRQ_OFF_H
#define DAMON_SCHEMES_ACCESS_IRQ_OFF_H

#include <linux/irqflags.h>
#include <linux/log2.h>
#include <linux/timekeeping.h>

#include "uapi/damon_schemes.h"

/**
 * struct ds_irq_off - a batch that is under way
 * @flags: as they were before it.
 * @start: when it began, in ns.
 */
struct ds_irq_off {
	unsigned long flags;
	u64 start;
};

static inline void ds_irq_off_begin(struct ds_irq_off *batch)
{
	local_irq_save(batch->flags);
	batch->start = ktime_get_ns();
}

static inline void ds_irq_off_end(const struct ds_irq_off *batch,
				  struct damon_schemes_stats *stats)
{
	u64 ns = ktime_get_ns() - batch->start;
	unsigned int bucket = ns ? ilog2(ns) : 0;

	if (bucket >= DAMON_SCHEMES_IRQ_OFF_BUCKETS)
		bucket = DAMON_SCHEMES_IRQ_OFF_BUCKETS - 1;
	stats->irq_off_log2_ns[bucket]++;
	if (ns > stats->irq_off_max_ns)
		stats->irq_off_max_ns = ns;
	local_irq_restore(batch->flags);
}

#endif
