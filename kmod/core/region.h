/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Regions: adjacent memory that is assumed to be used alike, so that one sampled
 * page speaks for all of it.
 *
 * Everything in this folder is freestanding C on <linux/types.h>: the same files
 * are compiled into the kernel module, into user-space tests and into the
 * simulator.  Randomness and memory come from the caller, nothing allocates.
 * Addresses and sizes are bytes; ranges are [start, end).
 */
#ifndef DAMON_SCHEMES_CORE_REGION_H
#define DAMON_SCHEMES_CORE_REGION_H

#include <linux/types.h>

#include "random.h"

/* What is known of the sample that was prepared for a region. */
enum ds_pending {
	DS_PENDING_NONE = 0,	/* nothing was prepared */
	DS_PENDING_OLD,		/* prepared; the page had not been accessed before */
	DS_PENDING_YOUNG,	/* prepared; its Accessed bit was set, and was cleared */
	DS_PENDING_ABSENT,	/* looked at, and no page was there */
	DS_PENDING_SEEN,	/* prepared; accessed since, which a scan saw and cleared */
	DS_PENDING_GIVE_BACK,	/* checked; its Accessed bit is still to be given back */
};

/*
 * ds_region.search, written by a search of the tables (search.h).  All of the region was
 * looked at in the interval that ends:
 */
#define DS_SEARCH_LOOKED 0x01
/* Something of it had been accessed when it was looked at last. */
#define DS_SEARCH_HIT 0x02
/* The level of that look, plus one; 0: there was none. */
#define DS_SEARCH_LEVEL_SHIFT 2
#define DS_SEARCH_LEVEL (3 << DS_SEARCH_LEVEL_SHIFT)
/* Of all but a few borders was looked at, and nothing had been accessed. */
#define DS_SEARCH_IDLE 0x10

/* What a look at a page found. */
enum ds_look {
	DS_LOOK_IDLE,		/* a page, not accessed */
	DS_LOOK_ACCESSED,	/* a page, accessed */
	DS_LOOK_ABSENT,		/* no page */
	DS_LOOK_MISSED,		/* nothing can be said: not a sample */
};

/**
 * struct ds_region - adjacent memory used alike
 * @start: first address, a multiple of the minimum region size.
 * @end: first address behind it, likewise.
 * @sample: the address prepared, if @pending says so.
 * @sampled: looks completed since the last aggregation.
 * @accessed: of those, looks that found the page accessed.
 * @absent: of those, looks that found no page.
 * @nr_accesses: @accessed brought to what max_nr_accesses looks would have given;
 *	set by ds_regions_aggregate().
 * @last_nr_accesses: @nr_accesses of the aggregation before.
 * @age: aggregations for which @nr_accesses has stayed much the same.
 * @pending: enum ds_pending.
 * @kind: what maps it; regions of different kinds merge only where the maximum cannot
 *	be kept otherwise.  0: not told apart.
 * @search: what a search of its tables found, DS_SEARCH_*.
 * @look: what of it a search looks at in this interval: its own.
 */
struct ds_region {
	__u64 start;
	__u64 end;
	__u64 sample;
	__u32 sampled;
	__u32 accessed;
	__u32 absent;
	__u32 nr_accesses;
	__u32 last_nr_accesses;
	__u32 age;
	__u8 pending;
	__u8 kind;
	__u8 search;
	__u8 look;
	__u8 reserved[4];
};

/* Addresses, without anything known of them. */
struct ds_range {
	__u64 start;
	__u64 end;
};

/**
 * struct ds_slice - one target's regions within the session's
 * @first: index of the first.
 * @nr: how many.
 */
struct ds_slice {
	__u32 first;
	__u32 nr;
};

/**
 * struct ds_regions - all regions of a session, target after target
 * @regions: @capacity of them, the first @nr in use; the caller's memory.
 * @slices: one a target, in order and without gaps between them: the caller's.
 * @nr: regions in use.
 * @capacity: regions there is room for.
 * @nr_slices: targets.
 *
 * One array, so that a pass runs through memory in order and the budget of regions
 * is one for all targets.  Within a slice regions are sorted, disjoint, not empty.
 */
struct ds_regions {
	struct ds_region *regions;
	struct ds_slice *slices;
	__u32 nr;
	__u32 capacity;
	__u32 nr_slices;
};

static inline __u64 ds_region_size(const struct ds_region *region)
{
	return region->end - region->start;
}

/* A region of which nothing is known yet. */
static inline struct ds_region ds_region_new(__u64 start, __u64 end)
{
	struct ds_region region = { .start = start, .end = end };

	return region;
}

/* A random page of the region; @page_size divides the region's borders. */
static inline __u64 ds_region_pick(const struct ds_region *region,
				   struct ds_random *random, __u64 page_size)
{
	__u64 pages = ds_region_size(region) / page_size;

	return region->start + ds_random_below(random, pages) * page_size;
}

static inline void ds_region_count(struct ds_region *region, enum ds_look look)
{
	if (look == DS_LOOK_MISSED)
		return;
	region->sampled++;
	region->accessed += look == DS_LOOK_ACCESSED;
	region->absent += look == DS_LOOK_ABSENT;
}

/*
 * Whoever uses the target has not run since the @nr regions' samples were prepared: count
 * what a look at each would find, and leave the samples prepared.  Returns 0, and counts
 * nothing, where some region has none.
 */
int ds_regions_count_unused(struct ds_region *regions, __u32 nr);

/* Whether a look completed in this aggregation; if not, it is unknown, not cold. */
static inline int ds_region_known(const struct ds_region *region)
{
	return region->sampled != 0;
}

/* Whether no look of this aggregation found a page: never used, unmapped, swapped. */
static inline int ds_region_nowhere(const struct ds_region *region)
{
	return region->sampled != 0 && region->absent == region->sampled;
}

__u64 ds_regions_bytes(const struct ds_regions *regions);

/*
 * Replace the regions of target @which by @nr others (which must not lie within
 * @regions).  Returns 0, or -1 and changes nothing where the capacity does not do.
 */
int ds_regions_replace(struct ds_regions *regions, __u32 which,
		       const struct ds_region *with, __u32 nr);

/* Take target @which and its regions out; the slices behind it move up. */
void ds_regions_remove(struct ds_regions *regions, __u32 which);

#endif
