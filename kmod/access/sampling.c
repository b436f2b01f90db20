// SPDX-License-Identifier: GPL-2.0-only
/* Visits to regions, in batches with interrupts off. */

#include <linux/mm.h>
#include <linux/sched.h>

#include "access/irq_off.h"
#include "access/leaf.h"
#include "access/sampling.h"

/**
 * struct visited - what a pass has come to so far
 * @prepared: addresses written.
 * @to_give_back: regions whose huge page gets its Accessed bit back.
 */
struct visited {
	unsigned int prepared;
	unsigned int to_give_back;
};

/* One of the steps that a pass takes with each region. */
typedef void (*visit_fn)(struct ds_walk *walk, struct ds_region *region,
			 const struct ds_visit *visit, struct visited *visited);

static __always_inline void check_region(struct ds_walk *walk, struct ds_region *region,
					 const struct ds_visit *visit,
					 struct visited *visited)
{
	enum ds_pending pending = region->pending;

	if (pending == DS_PENDING_NONE)
		return;
	ds_region_count(region, ds_leaf_check(walk, region->sample, &pending));
	region->pending = pending;
	visited->to_give_back += pending == DS_PENDING_GIVE_BACK;
	visit->stats->checks++;
}

static void give_back_region(struct ds_walk *walk, struct ds_region *region,
			     const struct ds_visit *visit, struct visited *visited)
{
	if (region->pending != DS_PENDING_GIVE_BACK)
		return;
	ds_leaf_give_back(walk, region->sample);
	region->pending = DS_PENDING_NONE;
}

static __always_inline void prepare_region(struct ds_walk *walk, struct ds_region *region,
					   const struct ds_visit *visit,
					   struct visited *visited)
{
	region->sample = ds_region_pick(region, visit->random, PAGE_SIZE);
	region->pending = ds_leaf_prepare(walk, region->sample);
	if (region->pending == DS_PENDING_YOUNG || region->pending == DS_PENDING_OLD)
		visit->addrs[visited->prepared++] = region->sample;
}

/* In one piece with a step that is named: a call would be a good part of what a look takes. */
static __always_inline void take_step(struct ds_walk *walk, struct ds_region *regions,
				      unsigned int nr, visit_fn step,
				      const struct ds_visit *visit,
				      struct visited *visited)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		step(walk, &regions[i], visit, visited);
}

static void visit_in_batches(struct mm_struct *mm, struct ds_region *regions,
			     unsigned int nr, visit_fn step,
			     const struct ds_visit *visit, struct visited *visited)
{
	unsigned int i, batch_nr;

	for (i = 0; i < nr; i += batch_nr) {
		struct ds_walk walk;
		struct ds_irq_off batch;

		ds_walk_begin(&walk, mm);
		batch_nr = min_t(unsigned int, nr - i, DS_SAMPLING_BATCH);
		ds_irq_off_begin(&batch);
		take_step(&walk, &regions[i], batch_nr, step, visit, visited);
		ds_irq_off_end(&batch, visit->stats);
		cond_resched();
	}
}

/*
 * Of hundreds of targets with few regions each, a batch for each step, and calls for each look,
 * would be most of it.
 */
static unsigned int visit_at_once(struct mm_struct *mm, struct ds_region *regions,
				  unsigned int nr, const struct ds_visit *visit)
{
	struct visited visited = {};
	struct ds_irq_off batch;
	struct ds_walk walk;

	ds_walk_begin(&walk, mm);
	ds_irq_off_begin(&batch);
	take_step(&walk, regions, nr, check_region, visit, &visited);
	if (visited.to_give_back)
		take_step(&walk, regions, nr, give_back_region, visit, &visited);
	if (visit->prepare)
		take_step(&walk, regions, nr, prepare_region, visit, &visited);
	ds_irq_off_end(&batch, visit->stats);
	return visited.prepared;
}

static unsigned int visit_many(struct mm_struct *mm, struct ds_region *regions,
			       unsigned int nr, const struct ds_visit *visit)
{
	struct visited visited = {};

	visit_in_batches(mm, regions, nr, check_region, visit, &visited);
	if (visited.to_give_back)
		visit_in_batches(mm, regions, nr, give_back_region, visit, &visited);
	if (visit->prepare)
		visit_in_batches(mm, regions, nr, prepare_region, visit, &visited);
	return visited.prepared;
}

unsigned int ds_visit_regions(struct mm_struct *mm, struct ds_region *regions,
			      unsigned int nr, const struct ds_visit *visit)
{
	if (nr <= DS_SAMPLING_BATCH / 2)
		return visit_at_once(mm, regions, nr, visit);
	return visit_many(mm, regions, nr, visit);
}
