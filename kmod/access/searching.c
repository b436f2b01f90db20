// SPDX-License-Identifier: GPL-2.0-only
/* A walk from entry to entry of one level, in batches with interrupts off. */

#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "access/irq_off.h"
#include "access/searching.h"
#include "access/walk.h"

/* Empty entries that are passed in the time of a look. */
#define EMPTY_A_LOOK 8

/**
 * struct stretch - entries of a probe that one entry of the tables answers for
 * @addr: what the first of them maps.
 * @first: its place in the search.
 * @nr: how many: more than one where a huge page, or nothing, is larger than they are.
 */
struct stretch {
	unsigned long addr;
	u32 first;
	u32 nr;
};

/* What is done with an entry that has an Accessed bit. */
typedef void (*entry_fn)(struct ds_walk *walk, enum ds_level level, struct ds_leaf *entry,
			 const struct stretch *stretch, struct ds_search *search);

static void clear_entry(struct ds_walk *walk, enum ds_level level, struct ds_leaf *entry,
			const struct stretch *stretch, struct ds_search *search)
{
	unsigned int tries;

	for (tries = 0; tries < DS_ENTRY_TRIES; tries++) {
		if (!ds_leaf_has_bit(entry) || !(entry->value & _PAGE_ACCESSED))
			return;
		if (ds_leaf_change(entry, entry->value & ~_PAGE_ACCESSED)) {
			ds_search_set(search->cleared, stretch->first);
			return;
		}
		*entry = ds_entry_find(walk, stretch->addr, level);
	}
}

static void look_at_entry(struct ds_walk *walk, enum ds_level level,
			  struct ds_leaf *entry, const struct stretch *stretch,
			  struct ds_search *search)
{
	bool cleared = ds_search_test(search->cleared, stretch->first);
	unsigned int tries, i;

	for (tries = 0; tries < DS_ENTRY_TRIES; tries++) {
		if (!ds_leaf_has_bit(entry))
			return;
		if (entry->value & _PAGE_ACCESSED)
			break;
		if (!cleared ||
		    ds_leaf_change(entry, entry->value | _PAGE_ACCESSED))
			return;
		*entry = ds_entry_find(walk, stretch->addr, level);
	}
	/* Accessed, or changing all the time: not idle. */
	for (i = 0; i < stretch->nr; i++)
		ds_search_set(search->hits, stretch->first + i);
}

static struct stretch stretch_at(const struct ds_probe *probe, u32 at,
				 const struct ds_leaf *entry)
{
	unsigned int shift = ds_level_shift(probe->level);
	struct stretch stretch = {
		.addr = probe->start + ((unsigned long)at << shift),
		.first = probe->first + at,
	};
	unsigned long end = (stretch.addr | (entry->size - 1)) + 1;

	stretch.nr = min_t(unsigned long, probe->nr - at, (end - stretch.addr) >> shift);
	return stretch;
}

/*
 * Entries from @entry on, which is of the probe's level, that have nothing, as far as its table
 * goes: none of them has a bit to clear or to look at.
 */
static u32 count_empty(const struct ds_leaf *entry, const struct stretch *stretch,
		       const struct ds_probe *probe)
{
	unsigned int index = (stretch->addr >> ds_level_shift(probe->level)) %
			     PTRS_PER_PTE;
	u32 most = min_t(u32, probe->nr - (stretch->first - probe->first),
			 PTRS_PER_PTE - index);
	u32 nr = 1;

	while (nr < most && !READ_ONCE(entry->entry[nr]))
		nr++;
	return nr;
}

static bool is_empty(const struct ds_leaf *entry, enum ds_level level)
{
	return !entry->value && entry->entry && entry->size == ds_level_size(level);
}

/**
 * struct place - how far a walk through probes has come
 * @probe: in which it is.
 * @at: the next of its entries.
 */
struct place {
	const struct ds_probe *probe;
	u32 at;
};

/*
 * To the end of the probe, or of the batch, of which @looks have been; returns how many then.
 * In one piece with what it calls for each entry.
 */
static __always_inline unsigned int visit_probe(struct ds_walk *walk,
						struct ds_search *search,
						struct place *place, unsigned int looks,
						entry_fn visit)
{
	const struct ds_probe *probe = place->probe;
	unsigned long addr = probe->start +
			     ((u64)place->at << ds_level_shift(probe->level));
	struct ds_leaf entry = ds_entry_find(walk, addr, probe->level);

	looks++; /* the way to it costs as much */
	for (;;) {
		struct stretch stretch = stretch_at(probe, place->at, &entry);

		/* As most are between mappings. */
		if (is_empty(&entry, probe->level)) {
			stretch.nr = count_empty(&entry, &stretch, probe);
			entry.entry += stretch.nr - 1;
			looks += stretch.nr / EMPTY_A_LOOK;
		} else {
			visit(walk, probe->level, &entry, &stretch, search);
		}
		place->at += stretch.nr;
		if (place->at >= probe->nr) {
			place->probe++;
			place->at = 0;
			return looks + 1;
		}
		if (++looks >= DS_SEARCHING_BATCH)
			return looks;
		addr = stretch.addr + ((u64)stretch.nr << ds_level_shift(probe->level));
		entry = ds_entry_next(walk, &entry, addr, probe->level);
	}
}

static __always_inline void visit_entries(struct mm_struct *mm, struct ds_search *search,
					  const struct ds_probe *probes,
					  unsigned int nr, entry_fn visit,
					  struct damon_schemes_stats *stats)
{
	struct place place = { .probe = probes };

	while (place.probe < probes + nr) {
		unsigned int looks = 0;
		struct ds_irq_off batch;
		struct ds_walk walk;

		ds_walk_begin(&walk, mm);
		ds_irq_off_begin(&batch);
		/* Probes are often of a few entries: as many as fit. */
		while (place.probe < probes + nr && looks < DS_SEARCHING_BATCH)
			looks = visit_probe(&walk, search, &place, looks, visit);
		ds_irq_off_end(&batch, stats);
		cond_resched();
	}
}

void ds_search_clear(struct mm_struct *mm, struct ds_search *search,
		     const struct ds_probe *probes, unsigned int nr,
		     struct damon_schemes_stats *stats)
{
	visit_entries(mm, search, probes, nr, clear_entry, stats);
}

void ds_search_look(struct mm_struct *mm, struct ds_search *search,
		    const struct ds_probe *probes, unsigned int nr,
		    struct damon_schemes_stats *stats)
{
	visit_entries(mm, search, probes, nr, look_at_entry, stats);
}
