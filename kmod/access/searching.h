/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accessed bits of runs of page-table entries, on whichever level: the page-table part of
 * a search (core/search.h).
 */
#ifndef DAMON_SCHEMES_ACCESS_SEARCHING_H
#define DAMON_SCHEMES_ACCESS_SEARCHING_H

#include <linux/mm_types.h>

#include "core/search.h"
#include "uapi/damon_schemes.h"

/* Entries cleared or looked at with interrupts off in one go. */
#define DS_SEARCHING_BATCH 64

/*
 * Clear the Accessed bits of the entries of @nr probes of @mm, and note in
 * @search->cleared which were set.  What was cleared is not flushed.  A huge page's entry
 * answers for all of it that a probe has.
 *
 * Both functions: the caller has loaded @mm (kthread_use_mm()); times with interrupts off are
 * added to @stats.
 */
void ds_search_clear(struct mm_struct *mm, struct ds_search *search,
		     const struct ds_probe *probes, unsigned int nr,
		     struct damon_schemes_stats *stats);

/*
 * Note in @search->hits which of them were accessed since, and give back the bits of the
 * others that were cleared: the kernel's own reclaim reads them.
 */
void ds_search_look(struct mm_struct *mm, struct ds_search *search,
		    const struct ds_probe *probes, unsigned int nr,
		    struct damon_schemes_stats *stats);

#endif
