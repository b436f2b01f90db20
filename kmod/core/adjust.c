// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Merging, splitting and aging of regions. */

#include "adjust.h"
#include "runs.h"
#include "search.h"

/* A share as parts of 2^16: fine enough for counts, small enough to weigh sizes. */
#define SHARE_SHIFT 16

static __u32 count_difference(__u32 a, __u32 b)
{
	return a > b ? a - b : b - a;
}

static __u32 add_counts(__u32 a, __u32 b)
{
	return a + b < a ? ~0U : a + b;
}

/* The mean of two values of at most 32 bits, weighted by sizes. */
static __u64 weighted_mean(__u64 a, __u64 size_a, __u64 b, __u64 size_b)
{
	/* Weights of together 32 bits keep the products within 64. */
	while ((size_a + size_b) >> 32) {
		size_a >>= 1;
		size_b >>= 1;
	}
	return (a * size_a + b * size_b) / (size_a + size_b);
}

static __u64 access_share(const struct ds_region *region)
{
	if (!region->sampled)
		return 0;
	return ((__u64)region->accessed << SHARE_SHIFT) / region->sampled;
}

static __u32 scaled_accesses(const struct ds_region *region, __u32 max_nr)
{
	__u64 half = region->sampled / 2;
	__u64 nr = ((__u64)region->accessed * max_nr + half) / region->sampled;

	return !nr && region->accessed ? 1 : (__u32)nr;
}

void ds_regions_aggregate(struct ds_regions *regions, const struct ds_limits *limits)
{
	__u32 threshold = limits->max_nr_accesses / 10;
	__u32 i;

	for (i = 0; i < regions->nr; i++) {
		struct ds_region *region = &regions->regions[i];
		__u32 last = region->last_nr_accesses;
		__u32 nr;

		if (!ds_region_known(region)) {
			region->nr_accesses = last;
			continue;
		}
		nr = scaled_accesses(region, limits->max_nr_accesses);
		region->nr_accesses = nr;
		if (count_difference(nr, last) > threshold || !nr != !last)
			region->age = 0;
		else if (region->age < ~0U)
			region->age++;
	}
}

static __u8 merged_search(__u8 left, __u8 right)
{
	__u8 level = left & DS_SEARCH_LEVEL;

	if (level < (right & DS_SEARCH_LEVEL))
		level = right & DS_SEARCH_LEVEL;
	return (__u8)((left & right & (DS_SEARCH_LOOKED | DS_SEARCH_IDLE)) |
		      ((left | right) & DS_SEARCH_HIT) | level);
}

void ds_region_merge(struct ds_region *left, const struct ds_region *right)
{
	__u64 size_left = ds_region_size(left);
	__u64 size_right = ds_region_size(right);

	left->nr_accesses = (__u32)weighted_mean(left->nr_accesses, size_left,
						 right->nr_accesses, size_right);
	left->last_nr_accesses = (__u32)weighted_mean(left->last_nr_accesses, size_left,
						      right->last_nr_accesses,
						      size_right);
	left->age = (__u32)weighted_mean(left->age, size_left, right->age, size_right);

	if (!left->sampled || !right->sampled) {
		/* Half of it was not looked at: nothing may be concluded. */
		left->sampled = 0;
		left->accessed = 0;
		left->absent = 0;
	} else {
		__u64 share = weighted_mean(access_share(left), size_left,
					    access_share(right), size_right);
		__u32 sampled = add_counts(left->sampled, right->sampled);
		__u32 absent = add_counts(left->absent, right->absent);
		__u64 accessed = (share * sampled + (1ULL << (SHARE_SHIFT - 1))) >>
				 SHARE_SHIFT;
		int any = left->accessed || right->accessed;

		if (!accessed && any)
			accessed = 1;
		if (absent > sampled - (__u32)accessed)
			absent = sampled - (__u32)accessed;
		left->sampled = sampled;
		left->accessed = (__u32)accessed;
		left->absent = absent;
	}
	left->search = merged_search(left->search, right->search);
	if (left->kind != right->kind)
		left->kind = DS_KIND_ANY;
	left->end = right->end;
	left->pending = DS_PENDING_NONE;
}

/**
 * struct merging - when two neighbours become one
 * @threshold: largest difference of counts.
 * @size_limit: largest size of the merged region.
 * @mix_uses: regions of different uses merge, too: idle, accessed, nowhere present.
 * @search: what a search found, and ages, keep what is idle apart.
 * @level: targets that have at most so many regions are left as they are.
 * @exactly: no more go than a target has over @level.
 * @regardless: neither of the two, nor whether both were looked at, counts.
 * @reach: as @regardless, what joining over a hole or kinds may cost (runs.h).
 */
struct merging {
	__u32 threshold;
	__u64 size_limit;
	int mix_uses;
	int search;
	__u32 level;
	int exactly;
	int regardless;
	__u64 reach;
};

/* Idle, accessed and nowhere present differ however close their counts are. */
static int same_use(const struct ds_region *left, const struct ds_region *right)
{
	return !left->nr_accesses == !right->nr_accesses &&
	       ds_region_nowhere(left) == ds_region_nowhere(right);
}

/* A mean of different ages is neither's. */
static int same_age(const struct ds_region *left, const struct ds_region *right)
{
	__u32 older = left->age > right->age ? left->age : right->age;

	return count_difference(left->age, right->age) <= older / 4 + 1;
}

/* Of idle regions: whether they are so alike, and for as long. */
static int same_idleness(const struct ds_region *left, const struct ds_region *right)
{
	if (left->nr_accesses || right->nr_accesses)
		return 1;
	return (left->search & DS_SEARCH_HIT) == (right->search & DS_SEARCH_HIT) &&
	       same_age(left, right);
}

static int within_reach(const struct ds_region *left, const struct ds_region *right,
			const struct merging *merging)
{
	const struct ds_run a = { left->start, left->end, left->kind };
	const struct ds_run b = { right->start, right->end, right->kind };

	return ds_joining_cost(&a, &b) <= merging->reach;
}

static int may_merge(const struct ds_region *left, const struct ds_region *right,
		     const struct merging *merging)
{
	if (left->end != right->start || left->kind != right->kind)
		return within_reach(left, right, merging);
	if (merging->regardless)
		return 1;
	return ds_region_known(left) == ds_region_known(right) &&
	       (merging->mix_uses ||
		(same_use(left, right) &&
		 (!merging->search || same_idleness(left, right)))) &&
	       count_difference(left->nr_accesses, right->nr_accesses) <=
		       merging->threshold &&
	       ds_region_size(left) + ds_region_size(right) <= merging->size_limit;
}

static void merge_once(struct ds_regions *regions, const struct merging *merging)
{
	__u32 kept = 0;
	__u32 s, i;

	for (s = 0; s < regions->nr_slices; s++) {
		struct ds_slice *slice = &regions->slices[s];
		__u32 behind = slice->first + slice->nr;
		__u32 first = kept;
		/* How many may go. */
		__u32 excess = slice->nr > merging->level ? slice->nr : 0;

		if (excess && merging->exactly)
			excess -= merging->level;
		for (i = slice->first; i < behind; i++) {
			const struct ds_region *region = &regions->regions[i];
			struct ds_region *next = &regions->regions[kept];

			if (kept > first && excess &&
			    may_merge(next - 1, region, merging)) {
				ds_region_merge(next - 1, region);
				excess--;
			} else {
				*next = *region;
				kept++;
			}
		}
		slice->first = first;
		slice->nr = kept - first;
	}
	regions->nr = kept;
}

/* What each target could have if all had the same; those without regions count not. */
static __u32 equal_share(const struct ds_regions *regions, __u32 max_regions)
{
	__u32 targets = 0;
	__u32 s;

	for (s = 0; s < regions->nr_slices; s++)
		targets += regions->slices[s].nr != 0;
	return targets ? max_regions / targets : max_regions;
}

/* What all targets may come to have by the next merge, if none has more than @level. */
static __u64 wanted_within(const struct ds_regions *regions, __u32 share, __u32 level)
{
	__u64 wanted = 0;
	__u32 s;

	for (s = 0; s < regions->nr_slices; s++) {
		__u32 nr = regions->slices[s].nr;

		if (nr <= share / 2)
			nr *= 2;
		wanted += nr < level ? nr : level;
	}
	return wanted;
}

/* The most that every target may have so that all keep within the maximum. */
static __u32 fair_level(const struct ds_regions *regions, __u32 max_regions)
{
	__u32 share = equal_share(regions, max_regions);
	__u32 low = share, high = max_regions;

	if (wanted_within(regions, share, ~0U) <= max_regions)
		return max_regions;
	while (low < high) {
		__u32 level = low + (high - low + 1) / 2;

		if (wanted_within(regions, share, level) <= max_regions)
			low = level;
		else
			high = level - 1;
	}
	return low ? low : 1;
}

static int exceeds(const struct ds_regions *regions, __u32 level)
{
	__u32 s;

	for (s = 0; s < regions->nr_slices; s++)
		if (regions->slices[s].nr > level)
			return 1;
	return 0;
}

void ds_regions_merge(struct ds_regions *regions, const struct ds_limits *limits)
{
	struct merging merging = {
		.threshold = limits->max_nr_accesses / 10,
		.size_limit = ds_regions_bytes(regions) / limits->min_regions,
		.search = limits->search,
	};

	if (merging.size_limit < limits->min_region_size)
		merging.size_limit = limits->min_region_size;
	merge_once(regions, &merging);
	merging.level = fair_level(regions, limits->max_regions);
	/* What is only to make room for others loses no more than they need. */
	merging.exactly = regions->nr <= limits->max_regions;
	while (exceeds(regions, merging.level) &&
	       merging.threshold < limits->max_nr_accesses) {
		merging.threshold = merging.threshold ? merging.threshold * 2 : 1;
		merging.mix_uses = 1;
		merge_once(regions, &merging);
	}
	merging.exactly = 1;
	merging.regardless = 1;
	while (exceeds(regions, merging.level)) {
		merge_once(regions, &merging);
		if (merging.reach >> 63)
			merging.reach = ~0ULL;
		else
			merging.reach = merging.reach ? merging.reach * 2 :
							limits->min_region_size;
	}
}

void ds_regions_reset(struct ds_regions *regions)
{
	__u32 i;

	for (i = 0; i < regions->nr; i++) {
		struct ds_region *region = &regions->regions[i];

		region->last_nr_accesses = region->nr_accesses;
		region->sampled = 0;
		region->accessed = 0;
		region->absent = 0;
	}
}

/* Where a cut through a region of @size is best aligned to. */
static __u64 cut_alignment(__u64 size, const struct ds_limits *limits)
{
	__u64 alignment = limits->min_region_size;
	__u32 level;

	if (!limits->search)
		return alignment;
	for (level = DS_LEVEL_TABLE; level <= DS_LEVEL_DIRECTORY; level++)
		if (size / 10 >= ds_level_size(level) && alignment < ds_level_size(level))
			alignment = ds_level_size(level);
	return alignment;
}

/* Where to cut a region: at 1 to 9 tenths, aligned; its start for nowhere. */
static __u64 random_cut(const struct ds_region *region, const struct ds_limits *limits,
			struct ds_random *random)
{
	__u64 size = ds_region_size(region);
	__u64 tenths = 1 + ds_random_below(random, 9);
	__u64 alignment = cut_alignment(size, limits);
	__u64 cut;

	if (size < 2 * limits->min_region_size)
		return region->start;
	/* Regions' borders are multiples of the minimum size, and so is their distance. */
	if (alignment == limits->min_region_size)
		cut = region->start + ((size / 10 * tenths) & ~(alignment - 1));
	else
		cut = (region->start + size / 10 * tenths) & ~(alignment - 1);
	return cut < region->end ? cut : region->start;
}

static __u32 split_region(const struct ds_region *region, __u32 pieces,
			  const struct ds_limits *limits, struct ds_random *random,
			  struct ds_region *out)
{
	__u32 nr = 1;

	out[0] = *region;
	out[0].pending = DS_PENDING_NONE;
	while (nr < pieces) {
		/* The piece that goes on being cut is always the last one. */
		struct ds_region *last = &out[nr - 1];
		__u64 cut = random_cut(last, limits, random);

		if (cut == last->start)
			break;
		out[nr] = *last;
		last->end = cut;
		out[nr].start = last->end;
		nr++;
	}
	return nr;
}

/* A search has told that nothing of it was accessed: there is nothing to find out. */
static int is_idle_throughout(const struct ds_region *region)
{
	return region->search & DS_SEARCH_IDLE && !region->nr_accesses;
}

static int any_to_split(const struct ds_regions *regions, __u32 most, __u32 room)
{
	__u32 s;

	for (s = 0; s < regions->nr_slices; s++) {
		__u32 nr = regions->slices[s].nr;

		if (nr && nr <= most && nr <= room)
			return 1;
	}
	return 0;
}

int ds_regions_split(const struct ds_regions *from, struct ds_regions *to,
		     const struct ds_limits *limits, __u32 last_nr,
		     struct ds_random *random)
{
	__u32 pieces = 2, most = ~0U, room = ~0U;
	__u32 nr = 0;
	__u32 s, i;

	if (from->nr > limits->max_regions / 2) {
		if (from->nr > limits->max_regions)
			return 0;
		most = equal_share(from, limits->max_regions) / 2;
		room = limits->max_regions - from->nr;
		if (!any_to_split(from, most, room))
			return 0;
	} else if (from->nr == last_nr && from->nr < limits->max_regions / 3) {
		pieces = 3;
	}
	for (s = 0; s < from->nr_slices; s++) {
		const struct ds_slice *slice = &from->slices[s];
		int splits = slice->nr <= most && slice->nr <= room;
		__u32 first = nr;

		if (splits)
			room -= slice->nr;
		for (i = slice->first; i < slice->first + slice->nr; i++)
			nr += split_region(&from->regions[i],
					   splits && !is_idle_throughout(&from->regions[i]) ?
						   pieces : 1,
					   limits, random, &to->regions[nr]);
		to->slices[s].first = first;
		to->slices[s].nr = nr - first;
	}
	to->nr = nr;
	to->nr_slices = from->nr_slices;
	return 1;
}

/* a * b / c, where the product may pass 64 bits, saturated to 32. */
static __u32 scale(__u32 a, __u64 b, __u64 c)
{
	/* Intervals are microseconds within some hours (2^36): 2^32 * 2^36 does. */
	while (b > 0xffffffffULL || c > 0xffffffffULL) {
		b >>= 1;
		c >>= 1;
	}
	if (!c)
		c = 1;
	a = (__u64)a * b / c > 0xffffffffULL ? ~0U : (__u32)((__u64)a * b / c);
	return a;
}

void ds_regions_retune(struct ds_regions *regions, const struct ds_intervals *from,
		       const struct ds_intervals *to)
{
	__u32 max_from = ds_max_nr_accesses(from);
	__u32 max_to = ds_max_nr_accesses(to);
	__u32 i;

	for (i = 0; i < regions->nr; i++) {
		struct ds_region *region = &regions->regions[i];

		region->nr_accesses = scale(region->nr_accesses, max_to, max_from);
		region->last_nr_accesses = scale(region->last_nr_accesses, max_to,
						 max_from);
		region->age = scale(region->age, from->aggregation, to->aggregation);
	}
}

void ds_regions_align(struct ds_regions *regions, __u64 min_region_size)
{
	__u64 mask = ~(min_region_size - 1);
	__u32 kept = 0;
	__u32 s, i;

	for (s = 0; s < regions->nr_slices; s++) {
		struct ds_slice *slice = &regions->slices[s];
		__u32 behind = slice->first + slice->nr;
		__u32 first = kept;
		__u64 last_end = 0;

		for (i = slice->first; i < behind; i++) {
			struct ds_region region = regions->regions[i];
			int shared = i + 1 < behind &&
				     regions->regions[i + 1].start == region.end;

			region.start &= mask;
			if (region.start < last_end)
				region.start = last_end;
			region.end = (shared ? region.end : region.end + ~mask) & mask;
			if (region.start >= region.end)
				continue;
			region.pending = DS_PENDING_NONE;
			last_end = region.end;
			regions->regions[kept++] = region;
		}
		slice->first = first;
		slice->nr = kept - first;
	}
	regions->nr = kept;
}
