/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Accessed bit of one page of another process.
 *
 * Page tables are walked as the kernel's fast GUP does, without the mmap lock and
 * with interrupts off: they are freed only after a TLB flush that waits for every
 * processor that has the address space loaded, or after an RCU grace period; so the
 * caller has loaded it (kthread_use_mm()) and keeps interrupts off around each call.
 * An entry is changed only by compare-and-exchange on the value read, so that one
 * that has become something else meanwhile stays as it is.
 */
#ifndef DAMON_SCHEMES_ACCESS_LEAF_H
#define DAMON_SCHEMES_ACCESS_LEAF_H

#include <linux/mm_types.h>
#include <linux/pgtable.h>

#include "core/region.h"
#include "core/search.h"

/*
 * Between reading an entry and changing it others may change it, but not for long: after
 * so many tries it is left as it is.
 */
#define DS_ENTRY_TRIES 3

#define DS_ENTRY_MAPPED (_PAGE_PRESENT | _PAGE_PROTNONE)
/* Raw page frames and device memory: nobody's to sample. */
#define DS_ENTRY_UNTOUCHABLE (_PAGE_SPECIAL | _PAGE_DEVMAP)

/**
 * struct ds_leaf - the entry that maps a page, or a table, on whichever level it is
 * @entry: where it is; NULL where there is none that could map a page.
 * @value: what it was when it was read; not zero and without @entry where the walk
 *	met an entry that is no table's.
 * @size: bytes it maps, or bytes without a page where there is none.
 */
struct ds_leaf {
	unsigned long *entry;
	unsigned long value;
	unsigned long size;
};

/**
 * struct ds_walk - walks to pages of one address space while interrupts stay off
 * @mm: the address space.
 * @start: first address of what @table maps.
 * @table: the last table of middle entries that was met: pages next to each other, and
 *	samples of neighbouring regions as a rule, lie below the same one.  NULL: none yet.
 *	It outlives its own unlinking while interrupts are off.
 */
struct ds_walk {
	struct mm_struct *mm;
	unsigned long start;
	pmd_t *table;
};

static inline struct ds_walk ds_walk_begin(struct mm_struct *mm)
{
	struct ds_walk walk = { .mm = mm };

	return walk;
}

/* The entry of the page at @addr, valid as long as interrupts stay off. */
struct ds_leaf ds_leaf_find(struct mm_struct *mm, unsigned long addr);

/*
 * The entry of @level at @addr, be it a page's or a table's; one of a higher level where
 * the walk ends there: a huge page, or nothing.
 */
struct ds_leaf ds_entry_find(struct mm_struct *mm, unsigned long addr,
			     enum ds_level level);

/*
 * The entry of @level at @addr, where @entry of that level, at the addresses before it, was
 * found while interrupts have been off: its table is still there.  As what follows, called
 * for thousands of entries in an interval.
 */
static inline struct ds_leaf ds_entry_next(struct mm_struct *mm,
					   const struct ds_leaf *entry,
					   unsigned long addr, enum ds_level level)
{
	unsigned long table = ds_level_size(level + 1);
	struct ds_leaf next = *entry;

	if (!entry->entry || entry->size != ds_level_size(level) || !(addr & (table - 1)))
		return ds_entry_find(mm, addr, level);
	next.entry++;
	next.value = READ_ONCE(*next.entry);
	return next;
}

/* Whether it maps a page whose Accessed bit may be read and changed. */
static inline bool ds_leaf_is_page(const struct ds_leaf *leaf)
{
	return leaf->entry && (leaf->value & DS_ENTRY_MAPPED) &&
	       !(leaf->value & DS_ENTRY_UNTOUCHABLE);
}

/*
 * Whether it has an Accessed bit that may be read and changed: a page's, or a table's, where
 * bits that make a page untouchable are nobody's.
 */
static inline bool ds_leaf_has_bit(const struct ds_leaf *entry)
{
	if (entry->size > PAGE_SIZE && !(entry->value & _PAGE_PSE))
		return entry->entry && entry->value & _PAGE_PRESENT;
	return ds_leaf_is_page(entry);
}

/* False where the entry has changed since it was read, and stays as it is. */
static inline bool ds_leaf_change(const struct ds_leaf *leaf, unsigned long value)
{
	unsigned long expected = leaf->value;

	return try_cmpxchg(leaf->entry, &expected, value);
}

/*
 * Clear the Accessed bit of the page at @addr (a base page, or a huge one on any
 * level, hugetlb included).  Mappings of devices and of raw page frames count as
 * absent and are left alone.
 */
enum ds_pending ds_leaf_prepare(struct ds_walk *walk, unsigned long addr);

/*
 * Whether the page at @addr was accessed since ds_leaf_prepare() returned *@pending,
 * which becomes what is still to be done: nothing, or DS_PENDING_GIVE_BACK.
 *
 * A bit that was set before and is not set now is given back, since the kernel's own
 * reclaim reads it: a base page's at once, a huge page's by ds_leaf_give_back(), once
 * every region that has its sample in the same huge page was checked.
 */
enum ds_look ds_leaf_check(struct ds_walk *walk, unsigned long addr,
			   enum ds_pending *pending);

/* Set the Accessed bit of the page at @addr, if it is still there. */
void ds_leaf_give_back(struct ds_walk *walk, unsigned long addr);

#endif
