/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A monitoring session: attributes, targets, regions, and the thread that samples.
 */
#ifndef DAMON_SCHEMES_SESSION_H
#define DAMON_SCHEMES_SESSION_H

#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/sizes.h>

#include "children.h"
#include "core/adjust.h"
#include "core/runs.h"
#include "core/search.h"
#include "scan.h"
#include "snapshot.h"
#include "target.h"
#include "uapi/damon_schemes.h"

#define DS_MAX_TARGETS 512
#define DS_MAX_REGIONS 0x100000
#define DS_MIN_INTERVAL_US 100ULL
#define DS_MAX_INTERVAL_US (24ULL * 3600 * 1000 * 1000)
#define DS_MAX_REGION_SIZE SZ_1G
/* Runs of mappings that are told apart; where there are more, the smallest are joined. */
#define DS_MAX_RUNS 8192
/* What may be asked for in attrs.flags. */
#define DS_ATTR_FLAGS (DAMON_SCHEMES_ATTR_MAPPINGS | DAMON_SCHEMES_ATTR_CHILDREN | \
		       DAMON_SCHEMES_ATTR_SEARCH)

/* What a session begins with. */
#define DS_DEFAULT_ATTRS { \
	.sampling_interval_us = 5000, \
	.aggregation_interval_us = 100000, \
	.update_interval_us = 1000000, \
	.min_regions = 10, \
	.max_regions = 1000, \
	.min_region_size = PAGE_SIZE, \
	.tlb_policy = DAMON_SCHEMES_TLB_AUTO, \
}

/**
 * struct ds_store - memory for regions, in two so that one is rebuilt from the other
 * @regions: the regions.
 * @other: as much room again, for splitting and adopting.
 * @addrs: one address a region, that a TLB flush may still be reading.
 * @search: what is looked at in this interval; without memory where none is wanted.
 * @runs: of the target whose mappings are looked at; NULL without ATTR_MAPPINGS.
 * @runs_capacity: runs there is room for.
 * @bytes: memory held.
 */
struct ds_store {
	struct ds_regions regions;
	struct ds_regions other;
	unsigned long *addrs;
	struct ds_search search;
	struct ds_run *runs;
	u32 runs_capacity;
	size_t bytes;
};

/**
 * struct ds_timing - when what is due, in ns of CLOCK_MONOTONIC
 * @sample: the next pass.
 * @aggregation: the end of the aggregation interval.
 * @interval_start: the start of the aggregation interval.
 * @passes: sampling passes made in it.
 */
struct ds_timing {
	u64 sample;
	u64 aggregation;
	u64 interval_start;
	u32 passes;
};

/**
 * struct ds_consumer - who takes what a session finds, where no reader does
 * @aggregated: an interval has ended; as ds_outbox_publish(), under the session's lock.
 * @passed: a pass has ended; not under the lock, so it may wait for a disk.
 *
 * Both are called by the monitoring thread.
 */
struct ds_consumer {
	void (*aggregated)(const struct ds_view *view);
	void (*passed)(void);
};

/**
 * struct ds_session - targets that are sampled together: an open file of the device, or
 *	what the files in debugfs started
 * @lock: protects everything but @outbox and @scanning; held through a sampling pass.
 * @cred: of who opened or started it, who is asked for permission.
 * @consumer: takes what is found; NULL where the outbox does.
 * @pid_ns: the opener's.
 * @attrs: as set.
 * @targets: parallel to the slices of @store.
 * @children: of the targets.
 * @last_target_id: the last one given out.
 * @last_nr_regions: after the split before; tells whether splitting still helps.
 * @random: chooses pages and cuts.
 * @thread: samples; NULL while stopped.
 * @thread_ns_before: CPU time of earlier threads.
 * @stats: what GET_STATS says, where it is counted rather than derived.
 * @scanning: held by who has a scan with the session; taken before @lock.
 * @scan: asked for and not done yet; read without @lock to see whether there is one.
 */
struct ds_session {
	struct mutex lock; /* everything but @outbox and @scanning */
	const struct cred *cred;
	const struct ds_consumer *consumer;
	struct pid_namespace *pid_ns;
	struct damon_schemes_attrs attrs;
	struct ds_store store;
	struct ds_target *targets[DS_MAX_TARGETS];
	struct ds_children children;
	u64 last_target_id;
	u32 last_nr_regions;
	struct ds_random random;
	struct ds_timing timing;
	struct task_struct *thread;
	u64 thread_ns_before;
	struct damon_schemes_stats stats;
	struct mutex scanning; /* one scan at a time */
	struct ds_scan *scan;
	struct ds_outbox outbox;
};

/*
 * A session on behalf of @cred, with pids as the caller sees them.  Without a @consumer
 * its snapshots wait in the outbox.  ERR_PTR(-ENOMEM)
 */
struct ds_session *ds_session_create(const struct cred *cred,
				     const struct ds_consumer *consumer);
/* Stops, and frees everything. */
void ds_session_destroy(struct ds_session *session);

/* As SET_ATTRS checks them, but for the targets' number. */
bool ds_attrs_are_valid(const struct damon_schemes_attrs *attrs);

/* Each as the command of the same name in uapi/damon_schemes.h; any thread. */
void ds_session_get_attrs(struct ds_session *session, struct damon_schemes_attrs *attrs);
int ds_session_set_attrs(struct ds_session *session,
			 const struct damon_schemes_attrs *attrs);
int ds_session_add_target(struct ds_session *session,
			  struct damon_schemes_target *target);
int ds_session_remove_target(struct ds_session *session,
			     const struct damon_schemes_target *target);
int ds_session_start(struct ds_session *session);
int ds_session_stop(struct ds_session *session);
/* Whether there is room for another target, and then: it is one.  Under the lock. */
bool ds_session_has_room(const struct ds_session *session);
void ds_session_append(struct ds_session *session, struct ds_target *target);
/* Which of the targets has the id; -ENOENT none.  Under the session's lock. */
int ds_session_find_target(const struct ds_session *session, u64 id);
void ds_session_get_stats(struct ds_session *session, struct damon_schemes_stats *stats);

#endif
