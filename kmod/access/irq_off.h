/* SPDX-License-Identifier: GPL-2.0-only */
/* Batches with interrupts off, and how long they took. */
#ifndef DAMON_SCHEMES_ACCESS_IRQ_OFF_H
#define DAMON_SCHEMES_ACCESS_IRQ_OFF_H

#include <linux/irqflags.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/timekeeping.h>
#include <asm/tsc.h>

#include "uapi/damon_schemes.h"

/**
 * struct ds_irq_off - a batch that is under way
 * @flags: as they were before it.
 * @start: when it began, as ds_irq_off_now() has it.
 */
struct ds_irq_off {
	unsigned long flags;
	u64 start;
};

/*
 * The processor's own counter, for a batch does not leave it: to read the kernel's clock costs
 * as much as to look at a page.  Where the counter was not calibrated, ns of that clock.
 */
static inline u64 ds_irq_off_now(void)
{
	return likely(tsc_khz) ? get_cycles() : ktime_get_ns();
}

static inline u64 ds_irq_off_ns(u64 since)
{
	/* A guest's counter may jump when it is moved to another host. */
	u64 elapsed = clamp_t(s64, ds_irq_off_now() - since, 0, U32_MAX);

	return likely(tsc_khz) ? div_u64(elapsed * NSEC_PER_MSEC, tsc_khz) : elapsed;
}

static __always_inline void ds_irq_off_begin(struct ds_irq_off *batch)
{
	local_irq_save(batch->flags);
	batch->start = ds_irq_off_now();
}

static inline void ds_irq_off_end(const struct ds_irq_off *batch,
				  struct damon_schemes_stats *stats)
{
	u64 ns = ds_irq_off_ns(batch->start);
	unsigned int bucket = ns ? ilog2(ns) : 0;

	if (bucket >= DAMON_SCHEMES_IRQ_OFF_BUCKETS)
		bucket = DAMON_SCHEMES_IRQ_OFF_BUCKETS - 1;
	stats->irq_off_log2_ns[bucket]++;
	if (ns > stats->irq_off_max_ns)
		stats->irq_off_max_ns = ns;
	local_irq_restore(batch->flags);
}

#endif
