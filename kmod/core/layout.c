// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The ranges of an address space that are watched, and how regions follow them. */

#include "adjust.h"
#include "layout.h"

static __u64 range_size(const struct ds_range *range)
{
	return range->end - range->start;
}

void ds_layout_add(struct ds_layout_walk *walk, __u64 start, __u64 end)
{
	struct ds_range gap;

	if (start >= end)
		return;
	if (!walk->nr_mappings++) {
		walk->first = start;
		walk->last = end;
		return;
	}
	gap.start = walk->last;
	gap.end = start;
	if (end > walk->last)
		walk->last = end;
	if (gap.end <= gap.start)
		return;
	if (range_size(&gap) > range_size(&walk->gaps[0])) {
		walk->gaps[1] = walk->gaps[0];
		walk->gaps[0] = gap;
	} else if (range_size(&gap) > range_size(&walk->gaps[1])) {
		walk->gaps[1] = gap;
	}
}

/* Append a range, or stretch the last one where they touch once aligned. */
static void add_range(struct ds_layout *layout, __u64 start, __u64 end,
		      __u64 min_region_size)
{
	struct ds_range range = {
		.start = start & ~(min_region_size - 1),
		.end = (end + min_region_size - 1) & ~(min_region_size - 1),
	};

	if (layout->nr && layout->ranges[layout->nr - 1].end >= range.start)
		layout->ranges[layout->nr - 1].end = range.end;
	else
		layout->ranges[layout->nr++] = range;
}

void ds_layout_finish(const struct ds_layout_walk *walk, __u64 min_region_size,
		      struct ds_layout *layout)
{
	struct ds_range low = walk->gaps[0], high = walk->gaps[1];
	__u64 start = walk->first;

	layout->nr = 0;
	if (!walk->nr_mappings)
		return;
	if (range_size(&high) && high.start < low.start) {
		low = walk->gaps[1];
		high = walk->gaps[0];
	}
	if (range_size(&low)) {
		add_range(layout, start, low.start, min_region_size);
		start = low.end;
	}
	if (range_size(&high)) {
		add_range(layout, start, high.start, min_region_size);
		start = high.end;
	}
	add_range(layout, start, walk->last, min_region_size);
}

__u64 ds_layout_bytes(const struct ds_layout *layout)
{
	__u64 bytes = 0;
	__u32 i;

	for (i = 0; i < layout->nr; i++)
		bytes += range_size(&layout->ranges[i]);
	return bytes;
}

int ds_layout_cut(const struct ds_range *range, __u32 pieces, __u64 min_region_size,
		  struct ds_region *out, __u32 capacity)
{
	__u64 start = range->start;
	__u64 piece;
	__u32 i;

	if (!pieces || pieces > capacity)
		return -1;
	piece = (range_size(range) / pieces) & ~(min_region_size - 1);
	if (!piece)
		return -1;
	for (i = 0; i < pieces; i++, start += piece)
		out[i] = ds_region_new(start, start + piece);
	out[pieces - 1].end = range->end;
	return (int)pieces;
}

__u32 ds_layout_regions(const struct ds_layout *layout, __u64 piece_size,
			__u64 min_region_size, struct ds_region *out, __u32 capacity)
{
	__u32 nr = 0;
	__u32 i;

	if (piece_size < min_region_size)
		piece_size = min_region_size;
	for (i = 0; i < layout->nr; i++) {
		const struct ds_range *range = &layout->ranges[i];
		/* Each range that follows needs room for one region at least. */
		__u64 room = capacity - nr - (layout->nr - 1 - i);
		__u64 pieces = range_size(range) / piece_size;

		if (pieces > room)
			pieces = room;
		if (!pieces)
			pieces = 1;
		nr += (__u32)ds_layout_cut(range, (__u32)pieces, min_region_size,
					   &out[nr], capacity - nr);
	}
	return nr;
}

/* Stretch or cut a region to new borders; what is new counts as never seen. */
static void set_borders(struct ds_region *region, __u64 start, __u64 end)
{
	if (region->start < start)
		region->start = start;
	if (region->end > end)
		region->end = end;
	if (start < region->start) {
		struct ds_region added = ds_region_new(start, region->start);

		ds_region_merge(&added, region);
		*region = added;
	}
	if (end > region->end) {
		struct ds_region added = ds_region_new(region->end, end);

		ds_region_merge(region, &added);
	}
	region->pending = DS_PENDING_NONE;
}

__u32 ds_layout_adopt(const struct ds_layout *layout, const struct ds_region *old,
		      __u32 nr_old, struct ds_region *out)
{
	__u32 nr = 0;
	__u32 i, j = 0;

	for (i = 0; i < layout->nr; i++) {
		const struct ds_range *range = &layout->ranges[i];
		__u32 first = nr;

		while (j < nr_old && old[j].end <= range->start)
			j++;
		for (; j < nr_old && old[j].start < range->end; j++) {
			/* What lay between two ranges may be inside of one now. */
			if (nr > first && out[nr - 1].end < old[j].start) {
				out[nr] = ds_region_new(out[nr - 1].end, old[j].start);
				nr++;
			}
			out[nr++] = old[j];
			/* It may reach into the next range, too. */
			if (old[j].end > range->end)
				break;
		}
		if (nr == first) {
			out[nr++] = ds_region_new(range->start, range->end);
		} else if (nr - first == 1) {
			set_borders(&out[first], range->start, range->end);
		} else {
			set_borders(&out[first], range->start, out[first].end);
			set_borders(&out[nr - 1], out[nr - 1].start, range->end);
		}
	}
	return nr;
}
