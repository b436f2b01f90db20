/* SPDX-License-Identifier: GPL-2.0-only */
/* What every session tells the rest of the kernel: the trace event, the observers. */
#ifndef DAMON_SCHEMES_ANNOUNCE_H
#define DAMON_SCHEMES_ANNOUNCE_H

#include "snapshot.h"

/* Before any session; until then nothing is told and nobody can register. */
void ds_announce_allow(void);

/* Whether ds_announce_sampling() would tell anybody. */
bool ds_announce_is_heard(void);

/* By the monitoring thread, under the session's lock: see observer.h for when. */
void ds_announce_sampling(const struct ds_view *view);
void ds_announce_aggregation(const struct ds_view *view);

#endif
