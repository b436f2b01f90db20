// SPDX-License-Identifier: GPL-2.0-only
/* Snapshots: made, waiting, read. */

#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "snapshot.h"

/* They are handed out as they are. */
static_assert(DS_SEARCH_LOOKED == DAMON_SCHEMES_SEARCH_LOOKED);
static_assert(DS_SEARCH_HIT == DAMON_SCHEMES_SEARCH_HIT);
static_assert(DS_SEARCH_LEVEL == DAMON_SCHEMES_SEARCH_LEVEL);
static_assert(DS_SEARCH_IDLE == DAMON_SCHEMES_SEARCH_IDLE);

void ds_outbox_init(struct ds_outbox *outbox)
{
	spin_lock_init(&outbox->lock);
	mutex_init(&outbox->reading);
	init_waitqueue_head(&outbox->readable);
}

static void free_snapshot(struct ds_outbox *outbox, struct ds_snapshot *snapshot)
{
	if (!snapshot)
		return;
	spin_lock(&outbox->lock);
	outbox->bytes -= snapshot->capacity;
	spin_unlock(&outbox->lock);
	kvfree(snapshot);
}

void ds_outbox_free(struct ds_outbox *outbox)
{
	free_snapshot(outbox, outbox->waiting);
	free_snapshot(outbox, outbox->spare);
	mutex_destroy(&outbox->reading);
}

static size_t snapshot_bytes(const struct ds_view *view)
{
	return sizeof(struct damon_schemes_snapshot) +
	       view->regions->nr_slices * sizeof(struct damon_schemes_snapshot_target) +
	       view->regions->nr * sizeof(struct damon_schemes_snapshot_region);
}

static struct ds_snapshot *take_spare(struct ds_outbox *outbox, size_t bytes)
{
	size_t capacity = offsetof(struct ds_snapshot, header) + bytes;
	struct ds_snapshot *snapshot;

	spin_lock(&outbox->lock);
	snapshot = outbox->spare;
	outbox->spare = NULL;
	spin_unlock(&outbox->lock);
	if (snapshot && snapshot->capacity >= capacity)
		return snapshot;
	free_snapshot(outbox, snapshot);
	/* The count of regions moves up and down: leave room, allocate rarely. */
	capacity = PAGE_ALIGN(capacity + capacity / 4);
	snapshot = kvmalloc(capacity, GFP_KERNEL_ACCOUNT);
	if (!snapshot)
		return NULL;
	snapshot->capacity = capacity;
	spin_lock(&outbox->lock);
	outbox->bytes += capacity;
	spin_unlock(&outbox->lock);
	return snapshot;
}

/* Keep the memory for the next snapshot, if there is none kept yet. */
static void give_back(struct ds_outbox *outbox, struct ds_snapshot *snapshot)
{
	if (!snapshot)
		return;
	spin_lock(&outbox->lock);
	if (!outbox->spare) {
		outbox->spare = snapshot;
		snapshot = NULL;
	}
	spin_unlock(&outbox->lock);
	free_snapshot(outbox, snapshot);
}

static void fill_target(struct damon_schemes_snapshot_target *to,
			const struct ds_view *view, unsigned int which)
{
	const struct ds_target *target = view->targets[which];
	const struct ds_slice *slice = &view->regions->slices[which];

	to->id = target->id;
	to->generation = target->generation;
	to->pid = pid_nr_ns(target->pid, view->pid_ns);
	to->flags = target->flags;
	to->first_region = slice->first;
	to->nr_regions = slice->nr;
}

static void fill_region(struct damon_schemes_snapshot_region *to,
			const struct ds_region *region)
{
	to->start = region->start;
	to->end = region->end;
	to->sampled = region->sampled;
	to->accessed = region->accessed;
	to->absent = region->absent;
	to->age = region->age;
	to->kind = region->kind;
	to->search = region->search;
	to->reserved = 0;
}

static void fill_snapshot(struct damon_schemes_snapshot *header,
			  const struct ds_view *view)
{
	struct damon_schemes_snapshot_target *targets;
	struct damon_schemes_snapshot_region *regions;
	unsigned int i;

	*header = view->header;
	header->total_bytes = snapshot_bytes(view);
	header->nr_targets = view->regions->nr_slices;
	header->nr_regions = view->regions->nr;
	header->target_size = sizeof(*targets);
	header->region_size = sizeof(*regions);
	header->targets_offset = sizeof(*header);
	header->regions_offset =
		header->targets_offset + header->nr_targets * sizeof(*targets);
	targets = (void *)header + header->targets_offset;
	regions = (void *)header + header->regions_offset;
	for (i = 0; i < header->nr_targets; i++)
		fill_target(&targets[i], view, i);
	for (i = 0; i < header->nr_regions; i++)
		fill_region(&regions[i], &view->regions->regions[i]);
}

void ds_outbox_publish(struct ds_outbox *outbox, const struct ds_view *view)
{
	struct ds_snapshot *snapshot = take_spare(outbox, snapshot_bytes(view));
	struct ds_snapshot *unread;

	if (snapshot)
		fill_snapshot(&snapshot->header, view);
	spin_lock(&outbox->lock);
	outbox->sequence++;
	unread = NULL;
	if (snapshot) {
		unread = outbox->waiting;
		outbox->waiting = snapshot;
	}
	if (unread || !snapshot)
		outbox->lost++;
	if (snapshot) {
		snapshot->header.sequence = outbox->sequence;
		snapshot->header.lost = outbox->lost;
	}
	spin_unlock(&outbox->lock);
	give_back(outbox, unread);
	if (snapshot)
		wake_up_interruptible_poll(&outbox->readable, EPOLLIN | EPOLLRDNORM);
}

bool ds_outbox_readable(struct ds_outbox *outbox)
{
	return READ_ONCE(outbox->waiting);
}

u64 ds_outbox_waiting_bytes(struct ds_outbox *outbox)
{
	u64 bytes = 0;

	spin_lock(&outbox->lock);
	if (outbox->waiting)
		bytes = outbox->waiting->header.total_bytes;
	spin_unlock(&outbox->lock);
	return bytes;
}

static struct ds_snapshot *take_waiting(struct ds_outbox *outbox)
{
	struct ds_snapshot *snapshot;

	spin_lock(&outbox->lock);
	snapshot = outbox->waiting;
	outbox->waiting = NULL;
	spin_unlock(&outbox->lock);
	return snapshot;
}

/* A snapshot that could not be read waits on, unless a newer one does by now. */
static void put_waiting(struct ds_outbox *outbox, struct ds_snapshot *snapshot)
{
	spin_lock(&outbox->lock);
	if (!outbox->waiting) {
		outbox->waiting = snapshot;
		snapshot = NULL;
	} else {
		outbox->lost++;
		outbox->waiting->header.lost = outbox->lost;
	}
	spin_unlock(&outbox->lock);
	give_back(outbox, snapshot);
}

static ssize_t copy_snapshot(const struct damon_schemes_snapshot *header,
			     char __user *buffer, size_t size)
{
	if (size >= header->total_bytes) {
		if (copy_to_user(buffer, header, header->total_bytes))
			return -EFAULT;
		return header->total_bytes;
	}
	/* Too small, but the header says how large it must be. */
	if (size >= sizeof(*header) && copy_to_user(buffer, header, sizeof(*header)))
		return -EFAULT;
	return -EMSGSIZE;
}

ssize_t ds_outbox_read(struct ds_outbox *outbox, char __user *buffer, size_t size)
{
	struct ds_snapshot *snapshot;
	ssize_t result;

	if (mutex_lock_interruptible(&outbox->reading))
		return -ERESTARTSYS;
	snapshot = take_waiting(outbox);
	if (!snapshot) {
		mutex_unlock(&outbox->reading);
		return -EAGAIN;
	}
	result = copy_snapshot(&snapshot->header, buffer, size);
	if (result < 0)
		put_waiting(outbox, snapshot);
	else
		give_back(outbox, snapshot);
	mutex_unlock(&outbox->reading);
	return result;
}
