/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Runs of mappings: what is mapped, without the holes, cut where memory of
 * another kind begins.  The other way, beside layout.h's three ranges, to say
 * which addresses are watched.
 */
#ifndef DAMON_SCHEMES_CORE_RUNS_H
#define DAMON_SCHEMES_CORE_RUNS_H

#include "region.h"

/* A kind is a number; this one, which every region begins with, says nothing. */
#define DS_KIND_ANY 0

/**
 * struct ds_run - adjacent mappings of one kind
 * @start: first address, a multiple of the minimum region size.
 * @end: first address behind it, likewise.
 * @kind: of all of it; DS_KIND_ANY where it was joined of several.
 */
struct ds_run {
	__u64 start;
	__u64 end;
	__u64 kind;
};

/**
 * struct ds_runs - the runs of one address space
 * @runs: the caller's memory; the first @nr in use, sorted, disjoint.
 * @nr: runs in use.
 * @capacity: runs there is room for, at least 4.
 * @min_region_size: borders are multiples of it; a power of two.
 *
 * Fed with mappings in address order, so that the caller can let go of its lock
 * between any two.
 */
struct ds_runs {
	struct ds_run *runs;
	__u32 nr;
	__u32 capacity;
	__u64 min_region_size;
};

/*
 * Borders move outwards to multiples of the minimum region size; where two
 * kinds share such a block, it is a run of its own, of no kind.  Where there
 * are more runs than room, half of them are joined as ds_runs_limit() does.
 */
void ds_runs_add(struct ds_runs *runs, __u64 start, __u64 end, __u32 kind);

/*
 * Join neighbours until there are at most @most, at least 1.  First go those by
 * which least is lost: the bytes of the hole between them, which will be
 * watched, and the bytes that are of one kind now and of none then (nothing,
 * where both are of the same kind).  No mapping is ever left out.
 */
void ds_runs_limit(struct ds_runs *runs, __u32 most);

__u64 ds_runs_bytes(const struct ds_runs *runs);

/*
 * What it costs to take two neighbours as one, in bytes: those of the hole
 * between them, and those that are no longer known to be of one kind.
 */
static inline __u64 ds_joining_cost(const struct ds_run *left,
				    const struct ds_run *right)
{
	__u64 cost = right->start - left->end;

	if (left->kind == right->kind)
		return cost;
	if (left->kind != DS_KIND_ANY)
		cost += left->end - left->start;
	if (right->kind != DS_KIND_ANY)
		cost += right->end - right->start;
	return cost;
}

/*
 * The first regions of a target: each run cut into pieces of about @piece_size
 * bytes.  Returns how many were written; where @capacity, which is at least the
 * number of runs, does not do, the pieces are larger.
 */
__u32 ds_runs_regions(const struct ds_runs *runs, __u64 piece_size,
		      struct ds_region *out, __u32 capacity);

/*
 * Adopt changed mappings: each piece of an old region that lies in a run of its
 * kind (or where either is of no kind) keeps its count and its age, whatever
 * became of the rest of it; what is newly mapped, or of another kind now, gets
 * regions of its own.  Where @capacity, which is at least the number of runs,
 * does not do, what is new is merged with what lies before it in the run.
 * Writes to @out (not the memory of @old), returns how many.
 */
__u32 ds_runs_adopt(const struct ds_runs *runs, const struct ds_region *old,
		    __u32 nr_old, struct ds_region *out, __u32 capacity);

#endif
