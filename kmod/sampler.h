/* SPDX-License-Identifier: GPL-2.0-only */
/* What the thread of a session does, pass by pass. */
#ifndef DAMON_SCHEMES_SAMPLER_H
#define DAMON_SCHEMES_SAMPLER_H

#include "session.h"

/* The body of the monitoring thread; @data is the session. */
int ds_sampler_run(void *data);

/*
 * Take a target's layout as its regions, if its mappings can be looked at now.  Under
 * the session's lock.
 */
void ds_sampler_update(struct ds_session *session, unsigned int which);

/*
 * The first time, if its share of regions is free; else it waits for the end of the
 * interval, when the others make room.
 */
void ds_sampler_lay_out(struct ds_session *session, unsigned int which);

struct ds_limits ds_session_limits(const struct ds_session *session);

/* Wait until no processor reads the addresses of a flush any more. */
void ds_session_drain(struct ds_session *session);

/* Begin the intervals anew from now on. */
void ds_sampler_retime(struct ds_session *session);

static inline u32 ds_tlb_policy(const struct ds_session *session)
{
	/*
	 * A page at a time costs the target least where its hot set fits the TLB,
	 * and a full flush is never more correct.
	 */
	if (session->attrs.tlb_policy == DAMON_SCHEMES_TLB_AUTO)
		return DAMON_SCHEMES_TLB_PAGE;
	return session->attrs.tlb_policy;
}

#endif
