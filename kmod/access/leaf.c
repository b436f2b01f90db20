// SPDX-License-Identifier: GPL-2.0-only
/* Page-table walk by hand to the entry that maps one page. */

#include <linux/mm.h>
#include <linux/pgtable.h>

#include "access/leaf.h"

static struct ds_leaf leaf_at(void *entry, unsigned long value, unsigned long size)
{
	struct ds_leaf leaf = { .entry = entry, .value = value, .size = size };

	return leaf;
}

/* The entry of @level, or of a higher one where the walk ends there, below @pmdp. */
static struct ds_leaf find_below(pmd_t *pmdp, unsigned long addr, enum ds_level level)
{
	pmd_t pmd = READ_ONCE(*pmdp);
	pte_t *ptep;

	/* Where it is migrating or being split there is no table behind it. */
	if (!(pmd_val(pmd) & DS_ENTRY_MAPPED) || pmd_leaf(pmd))
		return leaf_at(pmdp, pmd_val(pmd), PMD_SIZE);
	if (pmd_bad(pmd))
		return leaf_at(NULL, pmd_val(pmd), PMD_SIZE);
	if (level == DS_LEVEL_TABLE)
		return leaf_at(pmdp, pmd_val(pmd), PMD_SIZE);
	ptep = pte_offset_kernel(&pmd, addr);
	return leaf_at(ptep, pte_val(READ_ONCE(*ptep)), PAGE_SIZE);
}

/*
 * From the top, to the entry of @level or to where the walk ends; @walk remembers the
 * table.  x86 entries of all levels are words with their Accessed bit in one place.
 */
static struct ds_leaf walk_down(struct ds_walk *walk, unsigned long addr,
				enum ds_level level)
{
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp;

	pgdp = pgd_offset(walk->mm, addr);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		return leaf_at(NULL, 0, PGDIR_SIZE);
	if (pgd_bad(pgd))
		return leaf_at(NULL, pgd_val(pgd), PGDIR_SIZE);
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d))
		return leaf_at(NULL, 0, P4D_SIZE);
	if (p4d_bad(p4d))
		return leaf_at(NULL, p4d_val(p4d), P4D_SIZE);
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	if (!(pud_val(pud) & DS_ENTRY_MAPPED) || pud_leaf(pud))
		return leaf_at(pudp, pud_val(pud), PUD_SIZE);
	if (pud_bad(pud))
		return leaf_at(NULL, pud_val(pud), PUD_SIZE);
	if (level == DS_LEVEL_DIRECTORY)
		return leaf_at(pudp, pud_val(pud), PUD_SIZE);
	pmdp = pmd_offset_lockless(pudp, pud, addr);
	walk->start = addr & PUD_MASK;
	walk->table = pmdp - pmd_index(addr);
	return find_below(pmdp, addr, level);
}

static struct ds_leaf walk_to(struct ds_walk *walk, unsigned long addr)
{
	if (walk->table && (addr & PUD_MASK) == walk->start)
		return find_below(walk->table + pmd_index(addr), addr, DS_LEVEL_PAGE);
	return walk_down(walk, addr, DS_LEVEL_PAGE);
}

struct ds_leaf ds_entry_find(struct mm_struct *mm, unsigned long addr,
			     enum ds_level level)
{
	struct ds_walk walk = ds_walk_begin(mm);

	return walk_down(&walk, addr, level);
}

struct ds_leaf ds_leaf_find(struct mm_struct *mm, unsigned long addr)
{
	return ds_entry_find(mm, addr, DS_LEVEL_PAGE);
}

enum ds_pending ds_leaf_prepare(struct ds_walk *walk, unsigned long addr)
{
	struct ds_leaf leaf = walk_to(walk, addr);

	if (!ds_leaf_is_page(&leaf))
		return DS_PENDING_ABSENT;
	if (!(leaf.value & _PAGE_ACCESSED))
		return DS_PENDING_OLD;
	if (!ds_leaf_change(&leaf, leaf.value & ~_PAGE_ACCESSED))
		return DS_PENDING_NONE;
	return DS_PENDING_YOUNG;
}

enum ds_look ds_leaf_check(struct ds_walk *walk, unsigned long addr,
			   enum ds_pending *pending)
{
	enum ds_pending was = *pending;
	struct ds_leaf leaf;

	*pending = DS_PENDING_NONE;
	if (was == DS_PENDING_NONE)
		return DS_LOOK_MISSED;
	if (was == DS_PENDING_SEEN)
		return DS_LOOK_ACCESSED;
	leaf = walk_to(walk, addr);
	if (!ds_leaf_is_page(&leaf)) {
		/* It left meanwhile, perhaps after an access: nobody can tell. */
		return was == DS_PENDING_ABSENT ? DS_LOOK_ABSENT : DS_LOOK_MISSED;
	}
	if (leaf.value & _PAGE_ACCESSED)
		return DS_LOOK_ACCESSED;
	if (was == DS_PENDING_ABSENT)
		return DS_LOOK_MISSED;
	if (was == DS_PENDING_YOUNG) {
		/* Regions border anywhere in a huge page, whose bit is one for all. */
		if (leaf.size > PAGE_SIZE)
			*pending = DS_PENDING_GIVE_BACK;
		else if (!ds_leaf_change(&leaf, leaf.value | _PAGE_ACCESSED))
			ds_leaf_give_back(walk, addr);
	}
	return DS_LOOK_IDLE;
}

void ds_leaf_give_back(struct ds_walk *walk, unsigned long addr)
{
	unsigned int tries;

	for (tries = 0; tries < DS_ENTRY_TRIES; tries++) {
		struct ds_leaf leaf = walk_to(walk, addr);

		if (!ds_leaf_is_page(&leaf) ||
		    ds_leaf_change(&leaf, leaf.value | _PAGE_ACCESSED))
			return;
	}
}
