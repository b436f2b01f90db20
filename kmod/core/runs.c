// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Runs of mappings of one kind, and how regions follow them. */

#include "runs.h"
#include "adjust.h"
#include "layout.h"

static __u64 run_size(const struct ds_run *run)
{
	return run->end - run->start;
}

__u64 ds_runs_bytes(const struct ds_runs *runs)
{
	__u64 bytes = 0;
	__u32 i;

	for (i = 0; i < runs->nr; i++)
		bytes += run_size(&runs->runs[i]);
	return bytes;
}

/* Join neighbours that cost at most @threshold, until @excess of them have gone. */
static __u32 join_once(struct ds_runs *runs, __u64 threshold, __u32 excess)
{
	__u32 kept = 0;
	__u32 i;

	for (i = 0; i < runs->nr; i++) {
		const struct ds_run *run = &runs->runs[i];
		struct ds_run *last = &runs->runs[kept ? kept - 1 : 0];

		if (kept && excess && ds_joining_cost(last, run) <= threshold) {
			if (last->kind != run->kind)
				last->kind = DS_KIND_ANY;
			last->end = run->end;
			excess--;
		} else {
			runs->runs[kept++] = *run;
		}
	}
	runs->nr = kept;
	return excess;
}

void ds_runs_limit(struct ds_runs *runs, __u32 most)
{
	__u32 excess = runs->nr > most ? runs->nr - most : 0;
	__u64 threshold = runs->min_region_size;

	/* Powers of two are exact enough, and need no memory to sort in. */
	while (excess) {
		excess = join_once(runs, threshold, excess);
		threshold = threshold >> 63 ? ~0ULL : threshold * 2;
	}
}

static void append(struct ds_runs *runs, __u64 start, __u64 end, __u64 kind)
{
	struct ds_run *last = runs->nr ? &runs->runs[runs->nr - 1] : (void *)0;

	if (last && last->end == start && last->kind == kind) {
		last->end = end;
		return;
	}
	if (runs->nr == runs->capacity)
		ds_runs_limit(runs, runs->capacity / 2);
	last = &runs->runs[runs->nr++];
	last->start = start;
	last->end = end;
	last->kind = kind;
}

/* The last block of the last run has memory of another kind, too. */
static void share_last_block(struct ds_runs *runs)
{
	struct ds_run *last = &runs->runs[runs->nr - 1];
	__u64 end = last->end;

	if (run_size(last) == runs->min_region_size) {
		last->kind = DS_KIND_ANY;
		return;
	}
	last->end -= runs->min_region_size;
	append(runs, last->end, end, DS_KIND_ANY);
}

void ds_runs_add(struct ds_runs *runs, __u64 start, __u64 end, __u32 kind)
{
	const struct ds_run *last = runs->nr ? &runs->runs[runs->nr - 1] : (void *)0;
	__u64 mask = ~(runs->min_region_size - 1);

	if (start >= end)
		return;
	start &= mask;
	end = (end + ~mask) & mask;
	if (last && start < last->end) {
		__u64 shared = last->end;

		if (last->kind != kind)
			share_last_block(runs);
		start = shared;
	}
	if (start < end)
		append(runs, start, end, kind);
}

__u32 ds_runs_regions(const struct ds_runs *runs, __u64 piece_size,
		      struct ds_region *out, __u32 capacity)
{
	__u32 nr = 0;
	__u32 i, j;

	if (piece_size < runs->min_region_size)
		piece_size = runs->min_region_size;
	for (i = 0; i < runs->nr; i++) {
		const struct ds_run *run = &runs->runs[i];
		const struct ds_range range = { .start = run->start, .end = run->end };
		/* Each run that follows needs room for one region at least. */
		__u64 room = capacity - nr - (runs->nr - 1 - i);
		__u64 pieces = run_size(run) / piece_size;
		int cut;

		if (pieces > room)
			pieces = room;
		if (!pieces)
			pieces = 1;
		cut = ds_layout_cut(&range, (__u32)pieces, runs->min_region_size,
				    &out[nr], capacity - nr);
		for (j = 0; j < (__u32)cut; j++)
			out[nr + j].kind = (__u8)run->kind;
		nr += (__u32)cut;
	}
	return nr;
}

/**
 * struct adopting - regions in the making
 * @out: where they are written.
 * @nr: written so far.
 * @first: the first one of the run at hand.
 * @most: how many there may be before the run's end.
 */
struct adopting {
	struct ds_region *out;
	__u32 nr;
	__u32 first;
	__u32 most;
};

static void put(struct adopting *adopting, struct ds_region region)
{
	if (adopting->nr > adopting->first && adopting->nr >= adopting->most)
		ds_region_merge(&adopting->out[adopting->nr - 1], &region);
	else
		adopting->out[adopting->nr++] = region;
}

static void put_new(struct adopting *adopting, __u64 start, __u64 end, __u8 kind)
{
	struct ds_region region = ds_region_new(start, end);

	region.kind = kind;
	put(adopting, region);
}

static int is_still(const struct ds_region *region, const struct ds_run *run)
{
	return region->kind == run->kind || region->kind == DS_KIND_ANY ||
	       run->kind == DS_KIND_ANY;
}

__u32 ds_runs_adopt(const struct ds_runs *runs, const struct ds_region *old,
		    __u32 nr_old, struct ds_region *out, __u32 capacity)
{
	struct adopting adopting = { .out = out };
	__u32 i, j, first = 0;

	for (i = 0; i < runs->nr; i++) {
		const struct ds_run *run = &runs->runs[i];
		__u64 at = run->start;

		adopting.first = adopting.nr;
		/* Each run that follows needs room for one region at least. */
		adopting.most = capacity - (runs->nr - 1 - i);
		/* One that reaches into the next run is looked at again there. */
		while (first < nr_old && old[first].end <= run->start)
			first++;
		for (j = first; j < nr_old && old[j].start < run->end; j++) {
			struct ds_region piece = old[j];

			if (!is_still(&piece, run))
				continue;
			if (piece.start < run->start)
				piece.start = run->start;
			if (piece.end > run->end)
				piece.end = run->end;
			if (at < piece.start)
				put_new(&adopting, at, piece.start, (__u8)run->kind);
			at = piece.end;
			piece.kind = (__u8)run->kind;
			piece.pending = DS_PENDING_NONE;
			put(&adopting, piece);
		}
		if (at < run->end)
			put_new(&adopting, at, run->end, (__u8)run->kind);
	}
	return adopting.nr;
}
