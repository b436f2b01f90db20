/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The result file: what the DAMON patchset's v12 records, format version 1.
 *
 * Packed, in the machine's byte order: 16 bytes "damon_recfmt_ver" and an i32 of 1;
 * then for each aggregation s64 seconds and s64 nanoseconds (CLOCK_MONOTONIC) and a u32
 * number of targets; for each target an s32 pid and a u32 number of regions; for each
 * region u64 start, u64 end and u32 nr_accesses.
 */
#ifndef DAMON_SCHEMES_RESULT_FILE_H
#define DAMON_SCHEMES_RESULT_FILE_H

#include <linux/fs.h>
#include <linux/sizes.h>

#include "snapshot.h"

/* v12's own bounds, for its file 'record', and what its first form had. */
#define DS_RESULT_MIN_BUFFER SZ_1K
#define DS_RESULT_MAX_BUFFER SZ_4M
#define DS_RESULT_DEFAULT_BUFFER SZ_1M

/**
 * struct ds_result_file - a result file that is being written
 * @file: NULL where nothing is recorded, or no more.
 * @buffer: whole records that wait to be written.
 * @capacity: bytes of it: a largest record more than @full.
 * @full: with as many bytes waiting they are written.
 * @used: bytes waiting.
 * @waiting_since: ns of CLOCK_MONOTONIC, where any wait.
 *
 * Between opening and closing the monitoring thread's alone.
 */
struct ds_result_file {
	struct file *file;
	void *buffer;
	size_t capacity;
	size_t full;
	size_t used;
	u64 waiting_since;
};

/*
 * Open, or create, the file at @path with the caller's rights; no part of @path may
 * be a symbolic link.  @buffer_bytes wait at most, with no more than @max_regions in a
 * record.  Errors are open(2)'s; ELOOP a symbolic link, EINVAL not a regular file,
 * EEXIST a file that is no result file of this version.
 */
int ds_result_file_open(struct ds_result_file *result, const char *path,
			size_t buffer_bytes, u32 max_regions);

/* Let a record of @view wait.  Does not sleep. */
void ds_result_file_add(struct ds_result_file *result, const struct ds_view *view);

/*
 * Write what waits, if it is much or waits for a second: may wait for a disk.  Where
 * that fails nothing more is recorded, and the log says so.
 */
void ds_result_file_write(struct ds_result_file *result);

/* Write the rest, and close; also where nothing was opened. */
void ds_result_file_close(struct ds_result_file *result);

#endif
