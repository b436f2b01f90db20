/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SCAN: a caller asks, the monitoring thread looks.
 *
 * The page tables may be walked by a kernel thread alone (access/walk.h), so a caller
 * leaves its request with the session and waits.  The thread serves it in slices
 * between its passes, under the session's lock, so a caller that was killed takes its
 * request away under that lock, and nothing of it is touched any more.
 */
#ifndef DAMON_SCHEMES_SCAN_H
#define DAMON_SCHEMES_SCAN_H

#include <linux/completion.h>

#include "access/scanning.h"
#include "uapi/damon_schemes.h"

struct ds_session;

/**
 * struct ds_scan - one request, in the memory of who waits for it
 * @target_id: of the target.
 * @generation: which address space was meant.
 * @scanning: the range, how far the thread has come, and what it found.
 * @err: what the caller returns; valid when @done.
 * @done: woken at the end.
 */
struct ds_scan {
	u64 target_id;
	u64 generation;
	struct ds_scanning scanning;
	int err;
	struct completion done;
};

/*
 * As the command of the same name in uapi/damon_schemes.h; any thread but the
 * monitoring one.  Waits killably: -EINTR or -ERESTARTSYS then.
 */
int ds_session_scan(struct ds_session *session, const struct damon_schemes_scan *request);

/* For the monitoring thread, under the session's lock: one slice, if a scan waits. */
void ds_scan_serve(struct ds_session *session);

/* End the scan that waits, if any, with @err.  Under the session's lock. */
void ds_scan_end(struct ds_session *session, int err);

/* Whether the monitoring thread has something to serve; any thread. */
bool ds_scan_waits(const struct ds_session *session);

#endif
