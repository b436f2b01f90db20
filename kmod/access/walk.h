/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks through the page tables of another process.
 *
 * They are walked as the kernel's fast GUP does, without the mmap lock and with
 * interrupts off: tables are freed only after a TLB flush that waits for every
 * processor that has the address space loaded, or after an RCU grace period; so the
 * caller has loaded it (kthread_use_mm()) and keeps interrupts off around each call.
 * An entry is changed only by compare-and-exchange on the value read, so that one
 * that has become something else meanwhile stays as it is.
 */
#ifndef DAMON_SCHEMES_ACCESS_WALK_H
#define DAMON_SCHEMES_ACCESS_WALK_H

#include <linux/mm.h>
#include <linux/pgtable.h>

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

/* No table's first address. */
#define DS_NO_START (~0UL)
/* One for each of the three ranges of memory that a process has, and one to spare. */
#define DS_WALK_TABLES 4

/**
 * struct ds_walk - walks to entries of one address space while interrupts stay off
 * @mm: the address space.
 * @upper_start: first address of what @upper maps.
 * @upper: the last table of upper entries that was met.
 * @nr: tables of middle entries met so far.
 * @tables: the last of them, of middle entries, each with the first address of what it maps:
 *	pages next to each other lie below the same one, and of a target with few regions each
 *	is met again for the next sample.  They outlive their own unlinking while interrupts
 *	are off.
 */
struct ds_walk {
	struct mm_struct *mm;
	unsigned long upper_start;
	unsigned long *upper;
	unsigned int nr;
	struct {
		unsigned long start;
		unsigned long *entries;
	} tables[DS_WALK_TABLES];
};

static inline void ds_walk_begin(struct ds_walk *walk, struct mm_struct *mm)
{
	unsigned int i;

	walk->mm = mm;
	walk->upper_start = DS_NO_START;
	walk->nr = 0;
	for (i = 0; i < DS_WALK_TABLES; i++)
		walk->tables[i].start = DS_NO_START;
}

/*
 * x86 entries of all levels are words that have their bits in one place.  With DS_TABLE_BITS
 * of DS_TABLE_MASK one points to a table; what else it has (NX, where page-table isolation keeps
 * the kernel off the user's half) does not matter.
 */
#define DS_TABLE_MASK (_PAGE_PRESENT | _PAGE_RW | _PAGE_PSE)
#define DS_TABLE_BITS (_PAGE_PRESENT | _PAGE_RW)

static inline bool ds_is_table(unsigned long value)
{
	return (value & DS_TABLE_MASK) == DS_TABLE_BITS;
}

static inline unsigned long *ds_table_behind(unsigned long value)
{
	return __va(value & PTE_PFN_MASK);
}

static __always_inline struct ds_leaf ds_leaf_at(unsigned long *entry, unsigned long size)
{
	struct ds_leaf leaf = {
		.entry = entry,
		.value = READ_ONCE(*entry),
		.size = size,
	};

	return leaf;
}

/* A walk ends at @leaf, which points to no table: a page, or nothing that may be changed. */
static inline struct ds_leaf ds_leaf_end(struct ds_leaf leaf)
{
	/* Neither a page nor empty, nor about to be split or migrated: it should not be. */
	if (leaf.value & DS_ENTRY_MAPPED && !(leaf.value & _PAGE_PSE))
		leaf.entry = NULL;
	return leaf;
}

/* The entry of @level, or the one above where the walk ends there, in a middle @table. */
static __always_inline struct ds_leaf ds_leaf_below(unsigned long *table,
						    unsigned long addr,
						    enum ds_level level)
{
	struct ds_leaf leaf = ds_leaf_at(table + pmd_index(addr), PMD_SIZE);

	if (!ds_is_table(leaf.value))
		return ds_leaf_end(leaf);
	if (level == DS_LEVEL_TABLE)
		return leaf;
	return ds_leaf_at(ds_table_behind(leaf.value) + pte_index(addr), PAGE_SIZE);
}

static __always_inline unsigned long *ds_walk_recall(const struct ds_walk *walk,
						     unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < DS_WALK_TABLES; i++)
		if (walk->tables[i].start == (addr & PUD_MASK))
			return walk->tables[i].entries;
	return NULL;
}

/* From the top, to the entry of @level or to where the walk ends. */
struct ds_leaf ds_walk_down(struct ds_walk *walk, unsigned long addr, enum ds_level level);

/* As ds_entry_find(), in one piece with who calls it: most walks are of two steps. */
static __always_inline struct ds_leaf ds_leaf_find(struct ds_walk *walk,
						   unsigned long addr,
						   enum ds_level level)
{
	unsigned long *table = ds_walk_recall(walk, addr);

	if (table && level < DS_LEVEL_DIRECTORY)
		return ds_leaf_below(table, addr, level);
	return ds_walk_down(walk, addr, level);
}

/*
 * The entry of @level at @addr, be it a page's or a table's; one of a higher level where
 * the walk ends there: a huge page, or nothing.  Valid as long as interrupts stay off.
 */
struct ds_leaf ds_entry_find(struct ds_walk *walk, unsigned long addr,
			     enum ds_level level);

/*
 * The entry of @level at @addr, where @entry of that level, at the addresses before it, was
 * found while interrupts have been off: its table is still there.  Called
 * for thousands of entries in an interval.
 */
static inline struct ds_leaf ds_entry_next(struct ds_walk *walk,
					   const struct ds_leaf *entry,
					   unsigned long addr, enum ds_level level)
{
	unsigned long table = ds_level_size(level + 1);
	struct ds_leaf next = *entry;

	if (!entry->entry || entry->size != ds_level_size(level) || !(addr & (table - 1)))
		return ds_entry_find(walk, addr, level);
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

#endif
