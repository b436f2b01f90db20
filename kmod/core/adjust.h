/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Adaptive regions adjustment: merging what is used alike, splitting to find out
 * whether it is, and the ages that say for how long.  The rules are DAMON's (the
 * patchset's design document and mainline's behaviour); where ours differ, the
 * function says so.
 */
#ifndef DAMON_SCHEMES_CORE_ADJUST_H
#define DAMON_SCHEMES_CORE_ADJUST_H

#include "region.h"

/**
 * struct ds_limits - the bounds within which regions are adjusted
 * @min_regions: merged regions grow to at most the total over this.
 * @max_regions: never more, all targets together.
 * @max_nr_accesses: aggregation over sampling interval, at least 1.
 * @min_region_size: every border is a multiple of it; a power of two.
 * @search: regions are searched, too (search.h): what that tells is made use of.
 */
struct ds_limits {
	__u32 min_regions;
	__u32 max_regions;
	__u32 max_nr_accesses;
	__u64 min_region_size;
	int search;
};

/*
 * End an aggregation: set nr_accesses from the looks really taken, so that a late
 * thread does not make memory look cold (never 0 where any look found an access),
 * and move the ages on: 0 where the count moved by more than a tenth of its maximum
 * or became or ceased to be zero, else one more.  A region that was not looked at
 * keeps its count and its age.
 */
void ds_regions_aggregate(struct ds_regions *regions, const struct ds_limits *limits);

/*
 * Merge neighbours whose counts differ by at most a tenth of the maximum, up to a
 * size of total/min_regions; counts and ages become size-weighted integer means.
 * While there are more than max_regions, the threshold doubles, and at last size
 * and difference count no longer.
 *
 * Ours: an idle region merges with one that was accessed only when the maximum
 * forces it; else a sliver of hot memory beside cold memory makes up to
 * total/min_regions of it look used, and the age of all that start again.  A region
 * in which no look found a page stays apart from one that is there likewise: what is
 * idle can leave memory, what is nowhere cannot.
 *
 * Ours: with a search, idle regions also stay apart where one has hits and the other has
 * not, or where their ages differ by more than a quarter, unless the maximum forces it:
 * since a search finds what is hot without splitting what is idle, there is room to.
 *
 * Ours: a region that was not looked at merges with a looked-at one only when the
 * maximum forces it, and then the whole is unknown; 'sampled' and 'absent' are
 * added up, 'accessed' is the size-weighted share of them, and never 0 where any
 * look found an access.
 *
 * Ours: regions of different kinds merge, and regions over a hole, only where the
 * maximum cannot be kept otherwise, those first by which least is lost (runs.h); the
 * whole is then of no kind.
 *
 * Ours: the maximum is shared fairly.  Where it does not do for what all targets have,
 * and for those that have at most half of an equal share to be split once more, merging
 * goes on in the targets that have most, down to the level that all can have.  So one
 * that came later finds room, whatever the others have.
 */
void ds_regions_merge(struct ds_regions *regions, const struct ds_limits *limits);

/* Merge @right into @left, its neighbour: the rule of the above for one pair. */
void ds_region_merge(struct ds_region *left, const struct ds_region *right);

/* Start the next aggregation: remember the counts, set the looks to zero. */
void ds_regions_reset(struct ds_regions *regions);

/*
 * Split each region at a random 1 to 9 tenths of it, if there are at most half of
 * max_regions: in 2, or in 3 if their number is @last_nr still and under a third.
 * Where there are more, a target that has at most half of an equal share of max_regions
 * is split in 2 all the same, as far as there is room.
 * With a search, what is idle as a whole is not split, and large regions are cut where
 * a table's range ends, so that few entries cover a piece.
 * Reads @from, writes @to, which must have the same slices' capacity and room for
 * max_regions.  Pieces inherit count and age.  Returns whether it split; if not,
 * @to is not written.
 */
int ds_regions_split(const struct ds_regions *from, struct ds_regions *to,
		     const struct ds_limits *limits, __u32 last_nr,
		     struct ds_random *random);

/*
 * Bring ages and counts to other intervals: age * old/new aggregation interval,
 * nr_accesses * new/old maximum.  The looks of the running aggregation stay, they are
 * shares.
 */
struct ds_intervals {
	__u64 sampling;		/* any unit, the same for both */
	__u64 aggregation;
};

void ds_regions_retune(struct ds_regions *regions, const struct ds_intervals *from,
		       const struct ds_intervals *to);

/*
 * Move the borders to multiples of @min_region_size: a border that two regions share
 * down, an outer one outwards; a region that would be left without a page goes.
 */
void ds_regions_align(struct ds_regions *regions, __u64 min_region_size);

static inline __u32 ds_max_nr_accesses(const struct ds_intervals *intervals)
{
	__u64 nr = intervals->aggregation / intervals->sampling;

	return nr < 1 ? 1 : nr > 0xffffffffULL ? 0xffffffffU : (__u32)nr;
}

#endif
