/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One pass over the regions of a target: look at the pages that were prepared, then
 * choose and prepare the next.
 */
#ifndef DAMON_SCHEMES_ACCESS_SAMPLING_H
#define DAMON_SCHEMES_ACCESS_SAMPLING_H

#include <linux/mm_types.h>

#include "core/region.h"
#include "uapi/damon_schemes.h"

/*
 * Regions visited with interrupts off in one go: who flushes the target's translations
 * meanwhile, as munmap() does, waits for the end of it.
 */
#define DS_SAMPLING_BATCH 16

/**
 * struct ds_visit - what to do with the regions
 * @prepare: prepare the next samples, after the checks; else leave none prepared.
 * @random: chooses the pages.
 * @addrs: where to write the pages prepared, in order; room for one a region.
 * @stats: checks and times with interrupts off are added here.
 */
struct ds_visit {
	bool prepare;
	struct ds_random *random;
	unsigned long *addrs;
	struct damon_schemes_stats *stats;
};

/*
 * Visit the @nr regions of @mm, all there are of it, which the caller has loaded
 * (kthread_use_mm()).  All samples are checked before any is prepared: several may lie in
 * one huge page.  Returns how many addresses it wrote.
 */
unsigned int ds_visit_regions(struct mm_struct *mm, struct ds_region *regions,
			      unsigned int nr, const struct ds_visit *visit);

#endif
