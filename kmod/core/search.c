// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Planning searches, and cutting regions by what they found. */

#include "search.h"

/* Part of the maximum of regions that is left for splitting at random. */
#define RESERVE 8
/* Idle runs shorter than this many pages are not worth two regions. */
#define WORTH_PAGES 4
#define SIZE_CLASSES 64
/* Entries looked at in an interval, for each region there is, and at least. */
#define ENTRIES_PER_REGION 32
#define LEAST_ENTRIES 4096
/* Entries at one side of a region, of one level, on the average of its looks. */
#define BORDER_ENTRIES 32
/* Most entries of a region that is looked at a level down. */
#define DESCENT_ENTRIES 2048

static __u64 round_up_to(__u64 address, __u32 level)
{
	return (address + ds_level_size(level) - 1) & ~(ds_level_size(level) - 1);
}

static __u64 round_down_to(__u64 address, __u32 level)
{
	return address & ~(ds_level_size(level) - 1);
}

static int has_whole_entry(const struct ds_region *region, __u32 level)
{
	return round_up_to(region->start, level) < round_down_to(region->end, level);
}

static __u32 looked_level(const struct ds_region *region)
{
	return (region->search & DS_SEARCH_LEVEL) >> DS_SEARCH_LEVEL_SHIFT;
}

/* The highest level up to @level that has an entry all of which lies in the region. */
static __u32 level_within(const struct ds_region *region, __u32 level)
{
	while (level > DS_LEVEL_PAGE && !has_whole_entry(region, level))
		level--;
	return level;
}

/* Runs of an outline: the largest entries in the middle, smaller ones on both sides. */
#define MIDDLE 2
#define MIDDLE_ALONE 0x04
#define ALL_RUNS ((1U << DS_SEARCH_MAX_PROBES) - 1)

/**
 * struct outline - the runs of entries that cover a region
 * @runs: sorted by address; those without entries have @nr 0.
 */
struct outline {
	struct ds_probe runs[DS_SEARCH_MAX_PROBES];
};

static void outline_set(struct outline *outline, __u32 which, __u64 start, __u64 end,
			__u32 level)
{
	struct ds_probe *run = &outline->runs[which];

	run->start = start;
	run->level = level;
	run->nr = start < end ? (__u32)((end - start) >> ds_level_shift(level)) : 0;
}

static void outline_region(const struct ds_region *region, __u32 level,
			   struct outline *outline)
{
	static const struct outline empty;
	__u64 head = round_up_to(region->start, level);
	__u64 tail = round_down_to(region->end, level);

	*outline = empty;
	outline_set(outline, MIDDLE, head, tail, level);
	while (level-- > DS_LEVEL_PAGE) {
		__u64 next_head = round_up_to(region->start, level);
		__u64 next_tail = round_down_to(region->end, level);

		outline_set(outline, level, next_head, head, level);
		outline_set(outline, DS_SEARCH_MAX_PROBES - 1 - level, tail, next_tail,
			    level);
		head = next_head;
		tail = next_tail;
	}
}

static __u64 entries_of(const struct outline *outline, __u32 runs)
{
	__u64 entries = 0;
	__u32 i;

	for (i = 0; i < DS_SEARCH_MAX_PROBES; i++)
		if (runs >> i & 1)
			entries += outline->runs[i].nr;
	return entries;
}

/*
 * The middle, which is most of the region, and each border's run now and then, so that
 * borders cost no more than a few entries on the average.
 */
static __u32 some_runs(const struct outline *outline, struct ds_random *random)
{
	__u32 runs = MIDDLE_ALONE;
	__u32 i;

	for (i = 0; i < DS_SEARCH_MAX_PROBES; i++)
		if (outline->runs[i].nr &&
		    ds_random_below(random, outline->runs[i].nr) < BORDER_ENTRIES)
			runs |= 1U << i;
	return runs;
}

/*
 * Where something was accessed, the same level would say so again: a level down, if all
 * of the region there is no more than @most entries.  Of what has more, samples and
 * splitting at random are better at telling what differs in it.
 */
static int descend(const struct ds_region *region, __u64 most, struct outline *outline)
{
	__u32 looked = looked_level(region);

	if (!(region->search & DS_SEARCH_HIT) || looked <= DS_LEVEL_PAGE + 1 ||
	    ds_region_size(region) >> ds_level_shift(looked - 2) > most)
		return 0;
	outline_region(region, level_within(region, looked - 2), outline);
	return entries_of(outline, ALL_RUNS) <= most;
}

/* From the pages back to the top: a look there costs little, and tells what cooled. */
static void look_from_the_top(const struct ds_region *region, struct outline *outline)
{
	outline_region(region, level_within(region, DS_LEVEL_DIRECTORY), outline);
}

/* A random part of a run, of at most @entries entries. */
static void reduce(struct ds_probe *run, __u32 entries, struct ds_random *random)
{
	__u64 skip;

	if (run->nr <= entries)
		return;
	skip = ds_random_below(random, run->nr - entries + 1);
	run->start += skip << ds_level_shift(run->level);
	run->nr = entries;
}

/**
 * struct budget - what is left to give out
 * @entries: entries.
 * @probes: runs of entries.
 */
struct budget {
	__u32 entries;
	__u32 probes;
};

static int has_room(const struct budget *budget)
{
	return budget->entries && budget->probes >= DS_SEARCH_MAX_PROBES;
}

static int is_always_accessed(const struct ds_region *region,
			      const struct ds_limits *limits)
{
	/* Between two intervals: the count of the one that has ended. */
	return region->last_nr_accesses + limits->max_nr_accesses / 10 >=
	       limits->max_nr_accesses;
}

/* What is looked at a level down is looked at whole, or it could not tell what is idle. */
static void choose(struct ds_region *region, struct budget *budget, __u32 runs,
		   const struct outline *outline)
{
	__u64 entries = entries_of(outline, runs);

	region->look = (__u8)runs;
	budget->entries -= entries < budget->entries ? (__u32)entries : budget->entries;
	budget->probes -= DS_SEARCH_MAX_PROBES;
}

static void plan_region(struct ds_search *search, struct ds_region *region, __u32 index,
			__u32 entries, const struct outline *outline,
			struct ds_random *random)
{
	__u32 i;

	for (i = 0; i < DS_SEARCH_MAX_PROBES; i++) {
		__u32 left = entries > search->nr_entries ?
				     entries - search->nr_entries : 0;
		struct ds_probe *probe = &search->probes[search->nr];

		if (!(region->look >> i & 1) || !outline->runs[i].nr || !left ||
		    search->nr == search->capacity)
			continue;
		*probe = outline->runs[i];
		reduce(probe, left, random);
		probe->region = index;
		probe->first = search->nr_entries;
		search->nr_entries += probe->nr;
		search->nr++;
	}
	region->look = 0;
}

void ds_search_erase(struct ds_regions *regions)
{
	__u32 i;

	for (i = 0; i < regions->nr; i++)
		regions->regions[i].search = 0;
}

void ds_search_forget(struct ds_search *search)
{
	search->nr = 0;
	search->nr_entries = 0;
}

/* As what sampling costs, it grows with the regions; a few tables there are always. */
static __u32 entries_for(const struct ds_search *search, __u32 nr)
{
	__u32 entries = nr < search->max_entries / ENTRIES_PER_REGION ?
				nr * ENTRIES_PER_REGION :
				search->max_entries;

	if (entries < LEAST_ENTRIES)
		entries = LEAST_ENTRIES;
	return entries < search->max_entries ? entries : search->max_entries;
}

/* The @i-th of @nr regions, counted from the @first. */
static __u32 turn(__u32 first, __u32 i, __u32 nr)
{
	return i < nr - first ? first + i : first + i - nr;
}

void ds_search_plan(struct ds_search *search, struct ds_regions *regions,
		    const struct ds_limits *limits, struct ds_random *random)
{
	const __u32 entries = entries_for(search, regions->nr);
	struct budget budget = {
		.entries = entries / 4 * 3,
		.probes = search->capacity / 4 * 3,
	};
	const __u32 descent = budget.entries < DESCENT_ENTRIES ? budget.entries :
								DESCENT_ENTRIES;
	__u32 first = search->next < regions->nr ? search->next : 0;
	struct outline outline;
	__u32 i;

	ds_search_forget(search);
	for (i = 0; i < regions->nr; i++) {
		struct ds_region *region = &regions->regions[i];

		region->search &= (__u8)~DS_SEARCH_LOOKED;
		/* What it had when it was looked at last would outlive its being hot. */
		if (is_always_accessed(region, limits))
			region->search = 0;
		region->look = 0;
	}
	for (i = 0; i < regions->nr; i++) {
		struct ds_region *region = &regions->regions[turn(first, i, regions->nr)];

		if (!is_always_accessed(region, limits) && has_room(&budget) &&
		    descend(region, descent, &outline) &&
		    entries_of(&outline, ALL_RUNS) <= budget.entries)
			choose(region, &budget, ALL_RUNS, &outline);
	}
	budget.entries += entries / 4;
	budget.probes += search->capacity / 4;
	for (i = 0; i < regions->nr; i++) {
		__u32 which = turn(first, i, regions->nr);
		struct ds_region *region = &regions->regions[which];

		if (region->look || is_always_accessed(region, limits) ||
		    descend(region, descent, &outline))
			continue;
		if (!has_room(&budget))
			break;
		look_from_the_top(region, &outline);
		choose(region, &budget, some_runs(&outline, random), &outline);
		search->next = which + 1;
	}
	for (i = 0; i < regions->nr; i++) {
		struct ds_region *region = &regions->regions[i];

		if (!region->look)
			continue;
		if (!descend(region, descent, &outline))
			look_from_the_top(region, &outline);
		plan_region(search, region, i, entries, &outline, random);
	}
	for (i = 0; i < (search->nr_entries + 63) / 64; i++) {
		search->cleared[i] = 0;
		search->hits[i] = 0;
	}
}

/**
 * struct run - adjacent memory of which the search says one thing
 * @start: first address.
 * @end: first address behind it.
 * @idle: bytes of it that were looked at and had not been accessed.
 * @hit: something of it had been accessed; else it is idle, or was not looked at.
 */
struct run {
	__u64 start;
	__u64 end;
	__u64 idle;
	int hit;
};

/**
 * struct walk - through a region, from run to run
 * @search: the search.
 * @region: the region.
 * @probe: the region's first probe; moved on.
 * @behind: behind its last.
 * @entry: the next entry of @probe.
 * @at: how far it has come.
 */
struct walk {
	const struct ds_search *search;
	const struct ds_region *region;
	const struct ds_probe *probe;
	const struct ds_probe *behind;
	__u32 entry;
	__u64 at;
};

/* How many of @nr bits, from bit @first on, are as that one is, up to the end of its word. */
static __u32 like_bits(const __u64 *bits, __u32 first, __u32 nr)
{
	__u64 word = bits[first / 64] >> first % 64;
	__u32 like = 64 - first % 64;

	if (word & 1)
		word = ~word;
	if (word && (__u32)__builtin_ctzll(word) < like)
		like = (__u32)__builtin_ctzll(word);
	return like < nr ? like : nr;
}

/* The next entries that are alike, or a gap that was not looked at, as a run of its own. */
static int next_entries(struct walk *walk, struct run *run)
{
	const struct ds_probe *probe = walk->probe;
	__u32 nr;

	if (walk->at >= walk->region->end)
		return 0;
	run->start = walk->at;
	run->idle = 0;
	run->hit = 0;
	if (probe == walk->behind) {
		run->end = walk->region->end;
	} else if (walk->at < probe->start) {
		run->end = probe->start;
	} else {
		nr = like_bits(walk->search->hits, probe->first + walk->entry,
			       probe->nr - walk->entry);
		run->end = walk->at + ((__u64)nr << ds_level_shift(probe->level));
		run->hit = ds_search_test(walk->search->hits, probe->first + walk->entry);
		run->idle = run->hit ? 0 : run->end - run->start;
		walk->entry += nr;
		if (walk->entry == probe->nr) {
			walk->probe++;
			walk->entry = 0;
		}
	}
	walk->at = run->end;
	return 1;
}

static struct walk walk_from(const struct ds_search *search,
			     const struct ds_region *region,
			     const struct ds_probe *probe, const struct ds_probe *behind)
{
	struct walk walk = {
		.search = search,
		.region = region,
		.probe = probe,
		.behind = behind,
		.at = region->start,
	};

	return walk;
}

/* The next run of entries that are alike; *@ahead is one that was read already. */
static int next_run(struct walk *walk, struct run *ahead, struct run *run)
{
	if (ahead->start == ahead->end && !next_entries(walk, ahead))
		return 0;
	*run = *ahead;
	for (;;) {
		ahead->start = ahead->end;
		if (!next_entries(walk, ahead))
			return 1;
		if (ahead->hit != run->hit)
			return 1;
		run->end = ahead->end;
		run->idle += ahead->idle;
	}
}

/* What was not looked at goes with what is idle, if that is most of it. */
static int is_idle(const struct run *run)
{
	return !run->hit && run->idle >= (run->end - run->start) / 8 * 7 && run->idle;
}

/* Where the minimum size of regions allows to cut it out; empty where it does not. */
static struct run trim(struct run whole, const struct ds_region *region,
		       const struct ds_limits *limits)
{
	__u64 mask = limits->min_region_size - 1;

	if (whole.start != region->start)
		whole.start = (whole.start + mask) & ~mask;
	if (whole.end != region->end)
		whole.end &= ~mask;
	if (whole.end < whole.start)
		whole.end = whole.start;
	return whole;
}

static __u32 size_class(__u64 size)
{
	__u32 class = 0;

	while (size >>= 1)
		class++;
	return class;
}

static __u32 least_class(const struct ds_limits *limits)
{
	return size_class(WORTH_PAGES * limits->min_region_size);
}

/* Regions that cutting it out adds. */
static __u32 cost_of(const struct run *run, const struct ds_region *region)
{
	return (run->start != region->start) + (run->end != region->end);
}

/* The probes of region @index end here. */
static const struct ds_probe *probes_behind(const struct ds_search *search,
					    const struct ds_probe *probe, __u32 index)
{
	const struct ds_probe *end = search->probes + search->nr;

	while (probe < end && probe->region == index)
		probe++;
	return probe;
}

/**
 * struct wanted - idle runs that could be cut out, by size
 * @cost: regions that this takes, for each class of sizes.
 */
struct wanted {
	__u64 cost[SIZE_CLASSES];
};

static void count_wanted(const struct ds_search *search, const struct ds_regions *from,
			 const struct ds_limits *limits, struct wanted *wanted)
{
	const struct ds_probe *probe = search->probes, *behind;
	const struct ds_probe *end = search->probes + search->nr;

	for (; probe < end; probe = behind) {
		const struct ds_region *region = &from->regions[probe->region];
		struct run ahead = {}, run;
		struct walk walk;

		behind = probes_behind(search, probe, probe->region);
		walk = walk_from(search, region, probe, behind);
		while (next_run(&walk, &ahead, &run)) {
			if (!is_idle(&run))
				continue;
			run = trim(run, region, limits);
			if (run.start < run.end)
				wanted->cost[size_class(run.end - run.start)] +=
					cost_of(&run, region);
		}
	}
}

/* The least class that is cut out, so that all of it and above fits in @room. */
static __u32 class_that_fits(const struct wanted *wanted, __u32 least, __u64 room)
{
	__u32 class = SIZE_CLASSES;

	while (class > least && wanted->cost[class - 1] <= room) {
		class--;
		room -= wanted->cost[class];
	}
	return class;
}

/**
 * struct cutting - one region's pieces in the making
 * @region: the region.
 * @from: where the next piece begins.
 * @hit: something was accessed from there on.
 * @idle: bytes from there on that were looked at and had not been accessed.
 * @level: of its largest entries that were looked at.
 * @looked: all of it was looked at.
 * @out: the pieces.
 * @nr: how many.
 */
struct cutting {
	const struct ds_region *region;
	__u64 from;
	__u64 idle;
	int hit;
	__u32 level;
	int looked;
	struct ds_region *out;
	__u32 nr;
};

/* What was not looked at keeps what was known of it. */
static __u8 search_of(const struct cutting *cutting, __u64 size)
{
	__u8 known = cutting->looked ? DS_SEARCH_LOOKED : 0;
	__u8 level = (__u8)((cutting->level + 1) << DS_SEARCH_LEVEL_SHIFT);

	if (cutting->hit)
		return known | level | DS_SEARCH_HIT;
	if (cutting->idle >= size / 8 * 7 && cutting->idle)
		return known | level | DS_SEARCH_IDLE;
	return cutting->region->search;
}

static void emit(struct cutting *cutting, __u64 end)
{
	struct ds_region *piece = &cutting->out[cutting->nr];
	__u64 size = end - cutting->from;

	if (!size)
		return;
	*piece = *cutting->region;
	piece->start = cutting->from;
	piece->end = end;
	piece->pending = DS_PENDING_NONE;
	piece->search = search_of(cutting, size);
	/*
	 * Samples that found an access were another piece's.  Where there is none, others
	 * have cleared bits (the kernel's reclaim does): who saw an access is right.
	 */
	if (piece->search & DS_SEARCH_IDLE && size == ds_region_size(cutting->region) &&
	    piece->accessed)
		piece->search &= (__u8)~DS_SEARCH_IDLE;
	else if (piece->search & DS_SEARCH_IDLE)
		piece->accessed = 0;
	/* Every page of it was accessed, so any that was sampled. */
	else if (cutting->hit && cutting->looked && !cutting->idle &&
		 cutting->level == DS_LEVEL_PAGE && !piece->accessed &&
		 piece->absent < piece->sampled)
		piece->accessed = 1;
	cutting->from = end;
	cutting->hit = 0;
	cutting->idle = 0;
	cutting->nr++;
}

static struct cutting cutting_of(const struct ds_region *region,
				 const struct ds_probe *probe,
				 const struct ds_probe *behind, struct ds_region *out)
{
	struct cutting cutting = {
		.region = region,
		.from = region->start,
		.looked = 1,
		.out = out,
	};
	__u64 covered = region->start;

	for (; probe < behind; probe++) {
		if (probe->level > cutting.level)
			cutting.level = probe->level;
		if (probe->start != covered)
			cutting.looked = 0;
		covered = ds_probe_end(probe);
	}
	if (covered != region->end)
		cutting.looked = 0;
	return cutting;
}

static __u32 cut_region(const struct ds_search *search, const struct ds_region *region,
			const struct ds_probe *probe, const struct ds_probe *behind,
			const struct ds_limits *limits, __u32 class,
			struct ds_region *out)
{
	struct cutting cutting = cutting_of(region, probe, behind, out);
	struct walk walk = walk_from(search, region, probe, behind);
	struct run ahead = {}, run;

	while (next_run(&walk, &ahead, &run)) {
		struct run trimmed = trim(run, region, limits);
		int apart = is_idle(&run) && trimmed.start < trimmed.end &&
			    size_class(trimmed.end - trimmed.start) >= class;

		if (apart)
			emit(&cutting, trimmed.start);
		cutting.hit |= run.hit;
		cutting.idle += run.idle;
		if (apart)
			emit(&cutting, trimmed.end);
	}
	emit(&cutting, region->end);
	return cutting.nr;
}

int ds_search_conclude(struct ds_search *search, struct ds_regions *from,
		       struct ds_regions *to, const struct ds_limits *limits)
{
	const struct ds_probe *probe = search->probes, *behind;
	const struct ds_probe *end = search->probes + search->nr;
	__u32 most = limits->max_regions - limits->max_regions / RESERVE;
	__u32 room = from->nr < most ? most - from->nr : 0;
	struct wanted wanted = {};
	__u32 class, s, i, nr = 0;

	if (!search->nr)
		return 0;
	count_wanted(search, from, limits, &wanted);
	class = class_that_fits(&wanted, least_class(limits), room);
	for (s = 0; s < from->nr_slices; s++) {
		const struct ds_slice *slice = &from->slices[s];
		__u32 first = nr;

		for (i = slice->first; i < slice->first + slice->nr; i++) {
			if (probe == end || probe->region != i) {
				to->regions[nr++] = from->regions[i];
				continue;
			}
			behind = probes_behind(search, probe, i);
			nr += cut_region(search, &from->regions[i], probe, behind, limits,
					 class, &to->regions[nr]);
			probe = behind;
		}
		to->slices[s].first = first;
		to->slices[s].nr = nr - first;
	}
	to->nr = nr;
	to->nr_slices = from->nr_slices;
	ds_search_forget(search);
	return 1;
}
