// SPDX-License-Identifier: GPL-2.0-only
/* Searches of a session: planned, cleared, looked at, concluded. */

#include <linux/bitops.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "access/searching.h"
#include "sampler.h"
#include "search.h"
#include "session.h"

static size_t bitmap_bytes(u32 max_entries)
{
	return DIV_ROUND_UP((size_t)max_entries, 64) * sizeof(u64);
}

int ds_search_create(struct ds_search *search, u32 max_regions)
{
	u32 capacity = max_regions * DS_SEARCH_PROBES_PER_REGION + DS_SEARCH_MAX_PROBES;
	u32 entries = max_regions * DS_SEARCH_ENTRIES_PER_REGION;

	memset(search, 0, sizeof(*search));
	search->probes = kvcalloc(capacity, sizeof(*search->probes), GFP_KERNEL_ACCOUNT);
	search->cleared = kvzalloc(bitmap_bytes(entries), GFP_KERNEL_ACCOUNT);
	search->hits = kvzalloc(bitmap_bytes(entries), GFP_KERNEL_ACCOUNT);
	if (!search->probes || !search->cleared || !search->hits) {
		ds_search_free(search);
		return -ENOMEM;
	}
	search->capacity = capacity;
	search->max_entries = entries;
	return 0;
}

void ds_search_free(struct ds_search *search)
{
	kvfree(search->probes);
	kvfree(search->cleared);
	kvfree(search->hits);
	memset(search, 0, sizeof(*search));
}

size_t ds_search_bytes(const struct ds_search *search)
{
	if (!search->capacity)
		return 0;
	return search->capacity * sizeof(*search->probes) +
	       2 * bitmap_bytes(search->max_entries);
}

void ds_session_search_plan(struct ds_session *session)
{
	const struct ds_limits limits = ds_session_limits(session);

	if (!limits.search)
		return;
	ds_search_plan(&session->store.search, &session->store.regions, &limits,
		       &session->random);
}

/* The first probe of region @region or of one behind it; sorted as the regions are. */
static unsigned int probe_of(const struct ds_search *search, u32 region)
{
	unsigned int low = 0, high = search->nr;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (search->probes[middle].region < region)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct ds_probe *probes_of(const struct ds_session *session,
					unsigned int which, unsigned int *nr)
{
	const struct ds_slice *slice = &session->store.regions.slices[which];
	const struct ds_search *search = &session->store.search;
	unsigned int first = probe_of(search, slice->first);

	*nr = probe_of(search, slice->first + slice->nr) - first;
	return &search->probes[first];
}

bool ds_session_search_clear(struct ds_session *session, unsigned int which)
{
	unsigned int nr;
	const struct ds_probe *probes = probes_of(session, which, &nr);

	if (!nr)
		return false;
	ds_search_clear(session->targets[which]->mm, &session->store.search, probes, nr,
			&session->stats);
	return true;
}

/* Of a target that is gone nothing can be said: all its entries count as accessed. */
static void count_as_accessed(struct ds_search *search, const struct ds_probe *probes,
			      unsigned int nr)
{
	unsigned int i;
	u32 entry;

	for (i = 0; i < nr; i++)
		for (entry = 0; entry < probes[i].nr; entry++)
			ds_search_set(search->hits, probes[i].first + entry);
}

void ds_session_search_look(struct ds_session *session, unsigned int which)
{
	unsigned int nr;
	const struct ds_probe *probes = probes_of(session, which, &nr);

	if (nr)
		ds_search_look(session->targets[which]->mm, &session->store.search,
			       probes, nr, &session->stats);
}

void ds_session_search_lose(struct ds_session *session, unsigned int which)
{
	unsigned int nr;
	const struct ds_probe *probes = probes_of(session, which, &nr);

	count_as_accessed(&session->store.search, probes, nr);
}

static void give_back_target(struct ds_session *session, unsigned int which)
{
	struct ds_target *target = session->targets[which];

	if (!ds_target_get_mm(target))
		return;
	kthread_use_mm(target->mm);
	ds_session_search_look(session, which);
	kthread_unuse_mm(target->mm);
	ds_target_put_mm(target);
}

void ds_session_search_give_back(struct ds_session *session)
{
	unsigned int i;

	if (!session->store.search.nr)
		return;
	for (i = 0; i < session->store.regions.nr_slices; i++)
		give_back_target(session, i);
	ds_search_forget(&session->store.search);
}

void ds_session_search_conclude(struct ds_session *session)
{
	const struct ds_limits limits = ds_session_limits(session);
	struct ds_store *store = &session->store;

	if (!store->search.nr)
		return;
	if (ds_search_conclude(&store->search, &store->regions, &store->other, &limits))
		swap(store->regions, store->other);
}

void ds_session_search_abandon(struct ds_session *session)
{
	ds_search_forget(&session->store.search);
}
