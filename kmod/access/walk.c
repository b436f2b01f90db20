// SPDX-License-Identifier: GPL-2.0-only
/* Page-table walk by hand, from the top. */

#include "access/walk.h"

static void remember(struct ds_walk *walk, unsigned long addr, unsigned long *table)
{
	unsigned int slot = walk->nr++ % DS_WALK_TABLES;

	walk->tables[slot].start = addr & PUD_MASK;
	walk->tables[slot].entries = table;
}

/* The entry that points to the table of upper entries, or what is in its place. */
static struct ds_leaf find_upper(const struct ds_walk *walk, unsigned long addr)
{
	struct ds_leaf leaf = ds_leaf_at((unsigned long *)pgd_offset(walk->mm, addr),
					 PGDIR_SIZE);

	if (pgtable_l5_enabled() && ds_is_table(leaf.value))
		leaf = ds_leaf_at(ds_table_behind(leaf.value) + p4d_index(addr), P4D_SIZE);
	return leaf;
}

struct ds_leaf ds_walk_down(struct ds_walk *walk, unsigned long addr, enum ds_level level)
{
	unsigned long *table;
	struct ds_leaf leaf;

	if (walk->upper_start != (addr & P4D_MASK)) {
		leaf = find_upper(walk, addr);
		if (!ds_is_table(leaf.value)) {
			/* No page is as large as what this maps. */
			leaf.entry = NULL;
			return leaf;
		}
		walk->upper_start = addr & P4D_MASK;
		walk->upper = ds_table_behind(leaf.value);
	}
	leaf = ds_leaf_at(walk->upper + pud_index(addr), PUD_SIZE);
	if (!ds_is_table(leaf.value))
		return ds_leaf_end(leaf);
	if (level == DS_LEVEL_DIRECTORY)
		return leaf;
	table = ds_table_behind(leaf.value);
	remember(walk, addr, table);
	return ds_leaf_below(table, addr, level);
}

struct ds_leaf ds_entry_find(struct ds_walk *walk, unsigned long addr,
			     enum ds_level level)
{
	return ds_leaf_find(walk, addr, level);
}
