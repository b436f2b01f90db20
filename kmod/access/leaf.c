// SPDX-License-Identifier: GPL-2.0-only
/* Accessed bits of pages: given back. */

#include "access/leaf.h"

void ds_leaf_give_back(struct ds_walk *walk, unsigned long addr)
{
	unsigned int tries;

	for (tries = 0; tries < DS_ENTRY_TRIES; tries++) {
		struct ds_leaf leaf = ds_leaf_find(walk, addr, DS_LEVEL_PAGE);

		if (!ds_leaf_is_page(&leaf) ||
		    ds_leaf_change(&leaf, leaf.value | _PAGE_ACCESSED))
			return;
	}
}
