// SPDX-License-Identifier: GPL-2.0-only
/* A walk from page to page, in batches with interrupts off. */

#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include "access/irq_off.h"
#include "access/scanning.h"
#include "access/walk.h"

/**
 * struct samples - a place among the regions, whose samples are sorted as they are
 * @first: of all regions.
 * @last: behind all regions.
 * @at: where the search was last.
 */
struct samples {
	struct ds_region *first;
	struct ds_region *last;
	struct ds_region *at;
};

static struct samples samples_from(struct ds_region *regions, unsigned int nr, u64 addr)
{
	struct samples samples = { .first = regions, .last = regions + nr };
	struct ds_region *low = regions;

	while (nr) {
		unsigned int half = nr / 2;

		if (low[half].end <= addr) {
			low += half + 1;
			nr -= half + 1;
		} else {
			nr = half;
		}
	}
	samples.at = low;
	return samples;
}

/* The first region that ends behind @addr; near to where the search was last. */
static struct ds_region *seek(struct samples *samples, u64 addr)
{
	while (samples->at > samples->first && samples->at[-1].end > addr)
		samples->at--;
	while (samples->at < samples->last && samples->at->end <= addr)
		samples->at++;
	return samples->at;
}

static bool has_sample(const struct ds_region *region, u64 start, u64 end)
{
	return region->pending != DS_PENDING_NONE && region->sample >= start &&
	       region->sample < end;
}

/*
 * Whether the page would be young, had its bit not been cleared for a sample.  Several
 * samples may be out in one huge page: only the first of them has found it young.
 */
static bool is_hidden_young(struct samples *samples, u64 start, u64 end)
{
	const struct ds_region *region = seek(samples, start);

	for (; region < samples->last && region->start < end; region++)
		if (has_sample(region, start, end) && region->pending == DS_PENDING_YOUNG)
			return true;
	return false;
}

/* The page's bit was cleared: what it said of an access is the samples' to remember. */
static void tell_samples(struct samples *samples, u64 start, u64 end, bool accessed)
{
	struct ds_region *region = seek(samples, start);

	for (; region < samples->last && region->start < end; region++) {
		if (!has_sample(region, start, end))
			continue;
		if (accessed)
			region->pending = DS_PENDING_SEEN;
		else if (region->pending == DS_PENDING_YOUNG)
			region->pending = DS_PENDING_OLD; /* and is not given back */
	}
}

static u8 state_without_page(const struct ds_leaf *leaf)
{
	pte_t pte = __pte(leaf->value);

	if (pte_none(pte))
		return 0;
	/* Migration, poison and marks of userfaultfd look like swap entries. */
	if (leaf->size == PAGE_SIZE && !pte_present(pte) &&
	    !non_swap_entry(pte_to_swp_entry(pte)))
		return DAMON_SCHEMES_PAGE_SWAPPED;
	return DAMON_SCHEMES_PAGE_UNKNOWN;
}

/* May find another @leaf than it was given, where that has changed. */
static u8 look_at(struct ds_walk *walk, unsigned long addr, struct ds_leaf *leaf,
		  bool clear, struct samples *samples)
{
	unsigned int tries;

	for (tries = 0; tries < DS_ENTRY_TRIES; tries++) {
		u64 start = addr & ~(leaf->size - 1), end = start + leaf->size;
		bool accessed = leaf->value & _PAGE_ACCESSED;
		u8 state = DAMON_SCHEMES_PAGE_PRESENT;

		if (!ds_leaf_is_page(leaf))
			return state_without_page(leaf);
		if (leaf->size > PAGE_SIZE)
			state |= DAMON_SCHEMES_PAGE_HUGE;
		if (!clear || !accessed ||
		    ds_leaf_change(leaf, leaf->value & ~_PAGE_ACCESSED)) {
			if (accessed || is_hidden_young(samples, start, end))
				state |= DAMON_SCHEMES_PAGE_YOUNG;
			if (clear)
				tell_samples(samples, start, end, accessed);
			return state;
		}
		*leaf = ds_entry_find(walk, addr, DS_LEVEL_PAGE);
	}
	return DAMON_SCHEMES_PAGE_UNKNOWN;
}

static void look_at_batch(struct mm_struct *mm, struct ds_scanning *scanning,
			  struct samples *samples)
{
	unsigned int looks = 0;
	struct ds_leaf leaf;
	struct ds_walk walk;

	ds_walk_begin(&walk, mm);
	leaf = ds_entry_find(&walk, scanning->next, DS_LEVEL_PAGE);
	for (;;) {
		unsigned long addr = scanning->next;
		u8 state = look_at(&walk, addr, &leaf, scanning->clear, samples);
		/* All of it that lies in the range: a huge page is looked at once. */
		unsigned long end = min(scanning->end, (addr | (leaf.size - 1)) + 1);

		if (state)
			memset(&scanning->states[(addr - scanning->start) >> PAGE_SHIFT],
			       state, (end - addr) >> PAGE_SHIFT);
		scanning->next = end;
		if (end == scanning->end || ++looks == DS_SCANNING_BATCH ||
		    (state & DAMON_SCHEMES_PAGE_HUGE))
			return;
		leaf = ds_entry_next(&walk, &leaf, end, DS_LEVEL_PAGE);
	}
}

void ds_scan_slice(struct mm_struct *mm, struct ds_scanning *scanning,
		   struct ds_region *regions, unsigned int nr,
		   struct damon_schemes_stats *stats)
{
	struct samples samples = samples_from(regions, nr, scanning->next);
	unsigned int batches;

	kthread_use_mm(mm);
	for (batches = 0; batches < DS_SCANNING_BATCHES && scanning->next < scanning->end;
	     batches++) {
		struct ds_irq_off batch;

		ds_irq_off_begin(&batch);
		look_at_batch(mm, scanning, &samples);
		ds_irq_off_end(&batch, stats);
		cond_resched();
	}
	kthread_unuse_mm(mm);
}
