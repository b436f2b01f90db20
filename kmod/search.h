/* SPDX-License-Identifier: GPL-2.0-only */
/* A session's searches: one an aggregation interval, where its attributes ask for them. */
#ifndef DAMON_SCHEMES_SEARCH_H
#define DAMON_SCHEMES_SEARCH_H

#include "core/search.h"

struct ds_session;

/* Memory for searches of @max_regions regions.  0 or -ENOMEM. */
int ds_search_create(struct ds_search *search, u32 max_regions);
void ds_search_free(struct ds_search *search);
/* Memory held. */
size_t ds_search_bytes(const struct ds_search *search);

/*
 * All of the following: under the session's lock, and all but the last by the monitoring
 * thread alone.
 *
 * An interval begins: choose what to look at.
 */
void ds_session_search_plan(struct ds_session *session);

/*
 * Clear the bits of what was chosen of target @which, whose address space is loaded
 * (kthread_use_mm()).  Returns whether there was anything, so that all of the target is to
 * be flushed.
 */
bool ds_session_search_clear(struct ds_session *session, unsigned int which);

/*
 * The interval ends, no flush is under way: look at what was chosen of target @which, whose
 * address space is loaded likewise; or say that it is gone.  One of them for each target.
 */
void ds_session_search_look(struct ds_session *session, unsigned int which);
void ds_session_search_lose(struct ds_session *session, unsigned int which);

/* All targets were looked at, nothing was counted yet: cut the regions accordingly. */
void ds_session_search_conclude(struct ds_session *session);

/* A scan is to see the bits as they were: there is no search in this interval. */
void ds_session_search_give_back(struct ds_session *session);

/*
 * Regions are about to move: there is no search in this interval.  Bits that it has
 * cleared are not given back.
 */
void ds_session_search_abandon(struct ds_session *session);

#endif
