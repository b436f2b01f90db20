/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every page of a range: is it there, was it accessed?  The page-table part of SCAN.
 *
 * The samples that are out are taken into account: what they say of a page, and what
 * becomes of them when its bit is cleared, so that neither disturbs the other.
 */
#ifndef DAMON_SCHEMES_ACCESS_SCANNING_H
#define DAMON_SCHEMES_ACCESS_SCANNING_H

#include <linux/mm_types.h>

#include "core/region.h"
#include "uapi/damon_schemes.h"

/*
 * Pages, or larger things that are or are not there, looked at with interrupts off in
 * one go; a huge page ends it.
 */
#define DS_SCANNING_BATCH 64
/* Batches of one slice, between which no sampling pass can begin. */
#define DS_SCANNING_BATCHES 16

/**
 * struct ds_scanning - a range that is being looked at
 * @start: its first page.
 * @end: behind its last page; user space alone.
 * @next: the first page not looked at yet; moved on.
 * @states: one byte a page from @start on; zero before the page is looked at.
 * @clear: clear the Accessed bits found.
 */
struct ds_scanning {
	unsigned long start;
	unsigned long end;
	unsigned long next;
	u8 *states;
	bool clear;
};

/*
 * Look at one slice of the range, from @next on.  @regions are all @nr of @mm, whose
 * users the caller holds; times with interrupts off are added to @stats.  Runs in a
 * kernel thread that has no address space of its own.  What was cleared is not flushed.
 */
void ds_scan_slice(struct mm_struct *mm, struct ds_scanning *scanning,
		   struct ds_region *regions, unsigned int nr,
		   struct damon_schemes_stats *stats);

#endif
