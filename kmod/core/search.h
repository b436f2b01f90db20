/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Search: finding what is hot in much that is cold, and telling what is idle as a whole.
 *
 * One sampled page speaks for its region, so that a small hot spot in a large cold region
 * goes unseen.  But a page table is a tree whose every entry has an Accessed bit: where
 * the bits of a region's entries are cleared, all translations flushed, and the bits
 * looked at an aggregation interval later, a clear bit of an upper entry says that
 * nothing of its 2 MiB or 1 GiB was accessed, and a set one that something was.  A search
 * looks at a region's largest entries, cuts the region where they tell what was accessed
 * from what was not, and goes on within the first, a level down, in the next interval.
 *
 *	ds_search_plan()	which entries of which regions, within a budget
 *	clear them, flush everything, wait; look at them: the caller's, who has the tables
 *	ds_search_conclude()	the regions cut by what was found
 *
 * The number of accesses of a region comes from its samples alone: these tell how often,
 * a search tells whether and where.
 */
#ifndef DAMON_SCHEMES_CORE_SEARCH_H
#define DAMON_SCHEMES_CORE_SEARCH_H

#include "adjust.h"

/* What an entry maps: 4 KiB, 2 MiB, 1 GiB.  No higher: there is nothing to save there. */
enum ds_level {
	DS_LEVEL_PAGE,
	DS_LEVEL_TABLE,
	DS_LEVEL_DIRECTORY,
};

/* Entries looked at in an interval, for each region that there may be. */
#define DS_SEARCH_ENTRIES_PER_REGION 16
/* Runs of entries, likewise: one within the region, borders' leftovers on both sides. */
#define DS_SEARCH_PROBES_PER_REGION 2
#define DS_SEARCH_MAX_PROBES 5

/**
 * struct ds_probe - a run of entries of one level, within one region
 * @start: address that the first of them maps, a multiple of what one maps.
 * @region: index of the region.
 * @first: the first entry's place among all entries of the search.
 * @nr: entries.
 * @level: enum ds_level.
 */
struct ds_probe {
	__u64 start;
	__u32 region;
	__u32 first;
	__u32 nr;
	__u32 level;
};

/**
 * struct ds_search - what is looked at in one aggregation interval
 * @probes: @capacity of them, the first @nr in use, sorted by region and address: the
 *	caller's memory.
 * @cleared: a bit an entry: it was set and was cleared; the caller sets it.
 * @hits: a bit an entry: it was accessed since; the caller sets it.  Both have
 *	@max_entries bits in 64 bit words, the lowest first, and are the caller's memory.
 * @nr_entries: of all probes.
 * @next: the region that the next search begins with.
 */
struct ds_search {
	struct ds_probe *probes;
	__u64 *cleared;
	__u64 *hits;
	__u32 capacity;
	__u32 nr;
	__u32 max_entries;
	__u32 nr_entries;
	__u32 next;
};

static inline __u32 ds_level_shift(__u32 level)
{
	return 12 + 9 * level;
}

static inline __u64 ds_level_size(__u32 level)
{
	return 1ULL << ds_level_shift(level);
}

static inline __u64 ds_probe_end(const struct ds_probe *probe)
{
	return probe->start + ((__u64)probe->nr << ds_level_shift(probe->level));
}

static inline void ds_search_set(__u64 *bits, __u32 entry)
{
	bits[entry / 64] |= 1ULL << entry % 64;
}

static inline int ds_search_test(const __u64 *bits, __u32 entry)
{
	return bits[entry / 64] >> entry % 64 & 1;
}

/*
 * Choose what to look at in the interval that begins: first, a level down, regions of
 * which something was accessed, with at most three quarters of the budget; then, from
 * @search->next on in turn, all others but those that are accessed whenever they are
 * sampled.  Of a region that has more entries
 * than the budget leaves, a random part is chosen; but what is looked at a level down is
 * looked at whole.  Clears all bits of @search, and what
 * the regions say of the last interval, and of those that are always accessed all.
 */
void ds_search_plan(struct ds_search *search, struct ds_regions *regions,
		    const struct ds_limits *limits, struct ds_random *random);

/*
 * The interval has ended, the hits are known, nothing was counted yet: cut the idle
 * runs out of the regions that were looked at, the longest first, as far as max_regions
 * allows with some room left for splitting.  What is idle says so: accessed is 0 there.
 * Reads @from, writes @to, which must have the same slices' capacity and room for
 * max_regions.  Returns 0, and does not write @to, where nothing was looked at.  @search
 * is done then: its probes are gone.
 */
int ds_search_conclude(struct ds_search *search, struct ds_regions *from,
		       struct ds_regions *to, const struct ds_limits *limits);

/* Drop what was planned: the regions have moved since. */
void ds_search_forget(struct ds_search *search);

/* There are no searches any more: what regions say of the last ones is gone. */
void ds_search_erase(struct ds_regions *regions);

#endif
