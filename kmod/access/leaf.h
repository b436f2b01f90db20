/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Accessed bit of one page of another process; each call under the rules of
 * access/walk.h.
 */
#ifndef DAMON_SCHEMES_ACCESS_LEAF_H
#define DAMON_SCHEMES_ACCESS_LEAF_H

#include "access/walk.h"
#include "core/region.h"

/* Set the Accessed bit of the page at @addr, if it is still there. */
void ds_leaf_give_back(struct ds_walk *walk, unsigned long addr);

/*
 * Clear the Accessed bit of the page at @addr (a base page, or a huge one on any
 * level, hugetlb included).  Mappings of devices and of raw page frames count as
 * absent and are left alone.
 */
static __always_inline enum ds_pending ds_leaf_prepare(struct ds_walk *walk,
						       unsigned long addr)
{
	struct ds_leaf leaf = ds_leaf_find(walk, addr, DS_LEVEL_PAGE);

	if (!ds_leaf_is_page(&leaf))
		return DS_PENDING_ABSENT;
	if (!(leaf.value & _PAGE_ACCESSED))
		return DS_PENDING_OLD;
	if (!ds_leaf_change(&leaf, leaf.value & ~_PAGE_ACCESSED))
		return DS_PENDING_NONE;
	return DS_PENDING_YOUNG;
}

/*
 * Whether the page at @addr was accessed since ds_leaf_prepare() returned *@pending,
 * which becomes what is still to be done: nothing, or DS_PENDING_GIVE_BACK.
 *
 * A bit that was set before and is not set now is given back, since the kernel's own
 * reclaim reads it: a base page's at once, a huge page's by ds_leaf_give_back(), once
 * every region that has its sample in the same huge page was checked.
 */
static __always_inline enum ds_look ds_leaf_check(struct ds_walk *walk,
						  unsigned long addr,
						  enum ds_pending *pending)
{
	enum ds_pending was = *pending;
	struct ds_leaf leaf;

	*pending = DS_PENDING_NONE;
	if (was == DS_PENDING_NONE)
		return DS_LOOK_MISSED;
	if (was == DS_PENDING_SEEN)
		return DS_LOOK_ACCESSED;
	leaf = ds_leaf_find(walk, addr, DS_LEVEL_PAGE);
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

#endif
