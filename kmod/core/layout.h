/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Which addresses are watched: the address space without its two largest unmapped
 * gaps, so that heap, mmap()-ed area and stack are each covered without a region
 * being wasted on what lies between them.
 */
#ifndef DAMON_SCHEMES_CORE_LAYOUT_H
#define DAMON_SCHEMES_CORE_LAYOUT_H

#include "region.h"

#define DS_LAYOUT_RANGES 3

/*
 * How many regions ds_layout_adopt() may add: one for a range that had none, one
 * twice for the same region reaching into two ranges, one for each former gap.
 */
#define DS_LAYOUT_ADDED (2 * DS_LAYOUT_RANGES + 2)

/**
 * struct ds_layout - the ranges to watch
 * @ranges: @nr of them, sorted, disjoint.
 * @nr: 0 to 3; fewer than 3 where the mappings leave fewer than two gaps.
 */
struct ds_layout {
	struct ds_range ranges[DS_LAYOUT_RANGES];
	__u32 nr;
};

/**
 * struct ds_layout_walk - a layout in the making
 *
 * Fed with mappings in address order, so that the caller can let go of its lock
 * between any two.  Zero-initialize it.
 */
struct ds_layout_walk {
	__u64 first;
	__u64 last;
	struct ds_range gaps[DS_LAYOUT_RANGES - 1];	/* largest first */
	__u32 nr_mappings;
};

void ds_layout_add(struct ds_layout_walk *walk, __u64 start, __u64 end);

/*
 * The layout of what was added, borders moved outwards to multiples of
 * @min_region_size; ranges that touch then become one.
 */
void ds_layout_finish(const struct ds_layout_walk *walk, __u64 min_region_size,
		      struct ds_layout *layout);

__u64 ds_layout_bytes(const struct ds_layout *layout);

/*
 * Cut @range evenly into @pieces; the last takes the rest.  Returns the number
 * written to @out, or -1 where a piece would be smaller than @min_region_size,
 * @pieces is 0 or @capacity does not do.
 */
int ds_layout_cut(const struct ds_range *range, __u32 pieces, __u64 min_region_size,
		  struct ds_region *out, __u32 capacity);

/*
 * The first regions of a target: each range cut into pieces of about @piece_size
 * bytes.  Returns how many were written; where @capacity does not do, the pieces
 * are larger.  @capacity >= DS_LAYOUT_RANGES.
 */
__u32 ds_layout_regions(const struct ds_layout *layout, __u64 piece_size,
			__u64 min_region_size, struct ds_region *out, __u32 capacity);

/*
 * Adopt a changed layout: regions outside of it go, the first and the last one of
 * each range are stretched or cut to its borders, a range without any and a former
 * gap get a new one.  Where a region is stretched, its age and count shrink as if it were merged
 * with a new one, since nothing is known of what was added.  Writes to @out (not
 * the memory of @old), returns how many; at most @nr_old + DS_LAYOUT_ADDED.
 */
__u32 ds_layout_adopt(const struct ds_layout *layout, const struct ds_region *old,
		      __u32 nr_old, struct ds_region *out);

#endif
