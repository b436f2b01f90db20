/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots on their way to the reader: made whole by the monitoring thread, read
 * whole by user space.  One that is not read in time is replaced by the next.
 */
#ifndef DAMON_SCHEMES_SNAPSHOT_H
#define DAMON_SCHEMES_SNAPSHOT_H

#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "core/region.h"
#include "target.h"
#include "uapi/damon_schemes.h"

/* One snapshot as read() gives it out. */
struct ds_snapshot {
	size_t capacity;
	struct damon_schemes_snapshot header;
};

/**
 * struct ds_outbox - where a snapshot waits for its reader
 * @lock: protects @waiting, @spare, @sequence, @lost and @bytes.
 * @reading: one reader at a time; held across copying to user space, which may sleep,
 *	so the monitoring thread never takes it.
 * @readable: woken when a snapshot comes to wait.
 * @waiting: the newest snapshot that was not read; NULL if none.
 * @spare: memory for the next.
 * @sequence: of the newest.
 * @lost: snapshots that were never read.
 * @bytes: memory held.
 */
struct ds_outbox {
	spinlock_t lock; /* the pointers and the counts */
	struct mutex reading; /* one reader at a time */
	wait_queue_head_t readable;
	struct ds_snapshot *waiting;
	struct ds_snapshot *spare;
	u64 sequence;
	u64 lost;
	size_t bytes;
};

/**
 * struct ds_view - what a snapshot is made from
 * @regions: of all targets.
 * @targets: parallel to the regions' slices.
 * @pid_ns: in which pids are given.
 * @header: the fields that the caller knows: times, intervals, passes, TLB policy.
 */
struct ds_view {
	const struct ds_regions *regions;
	struct ds_target *const *targets;
	struct pid_namespace *pid_ns;
	struct damon_schemes_snapshot header;
};

void ds_outbox_init(struct ds_outbox *outbox);
void ds_outbox_free(struct ds_outbox *outbox);

/* Make a snapshot of @view and let it wait; without memory for it, it is lost. */
void ds_outbox_publish(struct ds_outbox *outbox, const struct ds_view *view);

bool ds_outbox_readable(struct ds_outbox *outbox);
u64 ds_outbox_waiting_bytes(struct ds_outbox *outbox);

/* As read(2) of the device; -EAGAIN where none waits. */
ssize_t ds_outbox_read(struct ds_outbox *outbox, char __user *buffer, size_t size);

#endif
