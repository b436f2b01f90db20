// SPDX-License-Identifier: GPL-2.0-only
/* A walk from entry to entry of one level, in batches with interrupts off. */

#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "access/irq_off.h"
#include "access/leaf.h"
#include "access/searching.h"

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
typedef void (*entry_fn)(struct mm_struct *mm, enum ds_level level, struct ds_leaf *entry,
			 const struct stretch *stretch, struct ds_search *search);

static void clear_entry(struct mm_struct *mm, enum ds_level level, struct ds_leaf *entry,
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
		*entry = ds_entry_find(mm, stretch->addr, level);
	}
}

static void look_at_entry(struct mm_struct *mm, enum ds_level level,
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
		*entry = ds_entry_find(mm, stretch->addr, level);
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

/* Returns how far it has come.  In one piece with what it calls for each entry. */
static __always_inline u32 visit_batch(struct mm_struct *mm, struct ds_search *search,
				       const struct ds_probe *probe, u32 at,
				       entry_fn visit)
{
	unsigned long addr = probe->start + ((u64)at << ds_level_shift(probe->level));
	struct ds_leaf entry = ds_entry_find(mm, addr, probe->level);
	unsigned int looks = 0;

	for (;;) {
		struct stretch stretch = stretch_at(probe, at, &entry);

		visit(mm, probe->level, &entry, &stretch, search);
		at += stretch.nr;
		if (at >= probe->nr || ++looks == DS_SEARCHING_BATCH)
			return at;
		addr = stretch.addr + ((u64)stretch.nr << ds_level_shift(probe->level));
		entry = ds_entry_next(mm, &entry, addr, probe->level);
	}
}

static __always_inline void visit_entries(struct mm_struct *mm, struct ds_search *search,
					  const struct ds_probe *probes,
					  unsigned int nr, entry_fn visit,
					  struct damon_schemes_stats *stats)
{
	unsigned int i;

	kthread_use_mm(mm);
	for (i = 0; i < nr; i++) {
		u32 at = 0;

		while (at < probes[i].nr) {
			struct ds_irq_off batch;

			ds_irq_off_begin(&batch);
			at = visit_batch(mm, search, &probes[i], at, visit);
			ds_irq_off_end(&batch, stats);
			cond_resched();
		}
	}
	kthread_unuse_mm(mm);
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
