/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * <debugfs>/damon/: attrs, pids, record and monitor_on, which drive one session as the
 * DAMON patchset's files do.  docs/debugfs.md describes them.
 */
#ifndef DAMON_SCHEMES_DEBUGFS_H
#define DAMON_SCHEMES_DEBUGFS_H

/* Where there is no debugfs, or it is locked, the log says so and that is all. */
void ds_debugfs_create(void);

/* Also where nothing was created.  Ends the monitoring. */
void ds_debugfs_remove(void);

#endif
