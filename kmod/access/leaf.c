// SPDX-License-Identifier: GPL-2.0-only
/* Page-table walk by hand to the entry that maps one page. */

#include <linux/mm.h>
#include <linux/pgtable.h>

#include "access/leaf.h"

#define MAPPED (_PAGE_PRESENT | _PAGE_PROTNONE)
/* Raw page frames and device memory: nobody's to sample. */
#define UNTOUCHABLE (_PAGE_SPECIAL | _PAGE_DEVMAP)

/**
 * struct leaf - the entry that maps a page, on whichever level it is
 * @entry: where it is; NULL if there is none.
 * @value: what it was when it was read.
 * @huge: it maps more than a base page.
 */
struct leaf {
	unsigned long *entry;
	unsigned long value;
	bool huge;
};

static struct leaf leaf_at(void *entry, unsigned long value, bool huge)
{
	struct leaf leaf = { .entry = entry, .value = value, .huge = huge };

	return leaf;
}

/* x86 entries of all levels are words with their Accessed bit in one place. */
static struct leaf find_leaf(struct mm_struct *mm, unsigned long addr)
{
	const struct leaf none = {};
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t *ptep;

	pgdp = pgd_offset(mm, addr);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd) || pgd_bad(pgd))
		return none;
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || p4d_bad(p4d))
		return none;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	if (!(pud_val(pud) & MAPPED))
		return none;
	if (pud_leaf(pud))
		return leaf_at(pudp, pud_val(pud), true);
	if (pud_bad(pud))
		return none;
	pmdp = pmd_offset_lockless(pudp, pud, addr);
	pmd = READ_ONCE(*pmdp);
	/* Migrating or being split: no table behind it, and not to be touched. */
	if (!(pmd_val(pmd) & MAPPED))
		return none;
	if (pmd_leaf(pmd))
		return leaf_at(pmdp, pmd_val(pmd), true);
	if (pmd_bad(pmd))
		return none;
	ptep = pte_offset_kernel(&pmd, addr);
	return leaf_at(ptep, pte_val(READ_ONCE(*ptep)), false);
}

static bool is_page(const struct leaf *leaf)
{
	return leaf->entry && (leaf->value & MAPPED) && !(leaf->value & UNTOUCHABLE);
}

/* False where the entry has changed meanwhile. */
static bool change_leaf(const struct leaf *leaf, unsigned long value)
{
	unsigned long expected = leaf->value;

	return try_cmpxchg(leaf->entry, &expected, value);
}

enum ds_pending ds_leaf_prepare(struct mm_struct *mm, unsigned long addr)
{
	struct leaf leaf = find_leaf(mm, addr);

	if (!is_page(&leaf))
		return DS_PENDING_ABSENT;
	if (!(leaf.value & _PAGE_ACCESSED))
		return DS_PENDING_OLD;
	if (!change_leaf(&leaf, leaf.value & ~_PAGE_ACCESSED))
		return DS_PENDING_NONE;
	return DS_PENDING_YOUNG;
}

enum ds_look ds_leaf_check(struct mm_struct *mm, unsigned long addr,
			   enum ds_pending *pending)
{
	enum ds_pending was = *pending;
	struct leaf leaf;

	*pending = DS_PENDING_NONE;
	if (was == DS_PENDING_NONE)
		return DS_LOOK_MISSED;
	leaf = find_leaf(mm, addr);
	if (!is_page(&leaf)) {
		/* It left meanwhile, perhaps after an access: nobody can tell. */
		return was == DS_PENDING_ABSENT ? DS_LOOK_ABSENT : DS_LOOK_MISSED;
	}
	if (leaf.value & _PAGE_ACCESSED)
		return DS_LOOK_ACCESSED;
	if (was == DS_PENDING_ABSENT)
		return DS_LOOK_MISSED;
	if (was == DS_PENDING_YOUNG) {
		/* Regions border anywhere in a huge page, whose bit is one for all. */
		if (leaf.huge)
			*pending = DS_PENDING_GIVE_BACK;
		else
			change_leaf(&leaf, leaf.value | _PAGE_ACCESSED);
	}
	return DS_LOOK_IDLE;
}

void ds_leaf_give_back(struct mm_struct *mm, unsigned long addr)
{
	struct leaf leaf = find_leaf(mm, addr);

	if (is_page(&leaf))
		change_leaf(&leaf, leaf.value | _PAGE_ACCESSED);
}
