/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One visit to each region of a target: look at the page that was prepared, choose
 * and prepare the next.
 */
#ifndef DAMON_SCHEMES_ACCESS_SAMPLING_H
#define DAMON_SCHEMES_ACCESS_SAMPLING_H

#include <linux/mm_types.h>

#include "core/region.h"
#include "uapi/damon_schemes.h"

/* Regions visited with interrupts off in one go. */
#define DS_SAMPLING_BATCH 64

/**
 * struct ds_visit - what to do at each region
 * @prepare: prepare the next sample, after the check; else leave none prepared.
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
 * Visit @nr regions of @mm, whose users the caller holds.  Runs in a kernel thread
 * that has no address space of its own.  Returns how many addresses it wrote.
 */
unsigned int ds_visit_regions(struct mm_struct *mm, struct ds_region *regions,
			      unsigned int nr, const struct ds_visit *visit);

#endif
