// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The array that holds the regions of all targets of a session. */

#include "region.h"

__u64 ds_regions_bytes(const struct ds_regions *regions)
{
	__u64 bytes = 0;
	__u32 i;

	for (i = 0; i < regions->nr; i++)
		bytes += ds_region_size(&regions->regions[i]);
	return bytes;
}

/* Move the regions from index @from on by @shift places, in the right order. */
static void shift_tail(struct ds_regions *regions, __u32 from, __s64 shift)
{
	__u32 i;

	if (shift > 0) {
		for (i = regions->nr; i > from; i--)
			regions->regions[i - 1 + shift] = regions->regions[i - 1];
	} else if (shift < 0) {
		for (i = from; i < regions->nr; i++)
			regions->regions[i + shift] = regions->regions[i];
	}
}

int ds_regions_count_unused(struct ds_region *regions, __u32 nr)
{
	__u32 i;

	for (i = 0; i < nr; i++)
		if (regions[i].pending == DS_PENDING_NONE)
			return 0;
	for (i = 0; i < nr; i++) {
		struct ds_region *region = &regions[i];

		switch (region->pending) {
		case DS_PENDING_ABSENT:
			ds_region_count(region, DS_LOOK_ABSENT);
			break;
		case DS_PENDING_SEEN:
			/* Before it stopped; that was once. */
			ds_region_count(region, DS_LOOK_ACCESSED);
			region->pending = DS_PENDING_OLD;
			break;
		default:
			ds_region_count(region, DS_LOOK_IDLE);
			break;
		}
	}
	return 1;
}

int ds_regions_replace(struct ds_regions *regions, __u32 which,
		       const struct ds_region *with, __u32 nr)
{
	struct ds_slice *slice = &regions->slices[which];
	__s64 shift = (__s64)nr - slice->nr;
	__u32 i;

	if (regions->nr + shift > regions->capacity)
		return -1;
	shift_tail(regions, slice->first + slice->nr, shift);
	for (i = 0; i < nr; i++)
		regions->regions[slice->first + i] = with[i];
	slice->nr = nr;
	regions->nr += shift;
	for (i = which + 1; i < regions->nr_slices; i++)
		regions->slices[i].first += shift;
	return 0;
}

void ds_regions_remove(struct ds_regions *regions, __u32 which)
{
	__u32 i;

	ds_regions_replace(regions, which, regions->regions, 0);
	for (i = which + 1; i < regions->nr_slices; i++)
		regions->slices[i - 1] = regions->slices[i];
	regions->nr_slices--;
}
