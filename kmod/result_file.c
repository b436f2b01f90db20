// SPDX-License-Identifier: GPL-2.0-only
/* Result files: opened safely, written in whole records. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/namei.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "core/layout.h"
#include "result_file.h"
#include "session.h"

#define FORMAT_VERSION 1
#define LONGEST_WAIT_NS NSEC_PER_SEC

struct record_header {
	char magic[16]; /* no NUL */
	s32 version;
} __packed;

struct record_interval {
	s64 seconds;
	s64 nanoseconds;
	u32 nr_targets;
} __packed;

struct record_target {
	s32 pid;
	u32 nr_regions;
} __packed;

struct record_region {
	u64 start;
	u64 end;
	u32 nr_accesses;
} __packed;

static const struct record_header expected_header = {
	.magic = { 'd', 'a', 'm', 'o', 'n', '_', 'r', 'e', 'c', 'f', 'm', 't', '_',
		   'v', 'e', 'r' },
	.version = FORMAT_VERSION,
};

/*
 * O_NOFOLLOW looks at the last part of a path alone, and whoever may change an earlier
 * part could lead the writer's rights elsewhere: the folder is looked up by itself,
 * without links, and the file opened below it.
 */
static struct file *open_without_links(const char *path)
{
	/* Not to hang, nor to become anybody's terminal, where it is no file. */
	const int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
			  O_NOCTTY | O_LARGEFILE;
	const char *last = strrchr(path, '/');
	struct path folder;
	struct file *file;
	char *name;
	int err;

	if (path[0] != '/' || !last[1])
		return ERR_PTR(-EINVAL);
	name = kstrndup(path, max_t(size_t, last - path, 1), GFP_KERNEL);
	if (!name)
		return ERR_PTR(-ENOMEM);
	err = kern_path(name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY | LOOKUP_NO_SYMLINKS,
			&folder);
	kfree(name);
	if (err)
		return ERR_PTR(err);
	/* The caller is writing to a file there, which no second write may wait for. */
	if (folder.dentry->d_sb->s_magic == DEBUGFS_MAGIC)
		file = ERR_PTR(-EINVAL);
	else
		file = file_open_root(&folder, last + 1, flags, 0644);
	path_put(&folder);
	return file;
}

/* What the kernel cannot read and write is none, though it may call itself regular. */
static bool is_plain_file(const struct file *file)
{
	const struct file_operations *operations = file->f_op;

	return S_ISREG(file_inode(file)->i_mode) && operations->read_iter &&
	       !operations->read && operations->write_iter && !operations->write;
}

/* Whether it is empty; an error where something else than records is in it. */
static int is_empty(struct file *file)
{
	struct record_header header;
	loff_t position = 0;
	ssize_t got = kernel_read(file, &header, sizeof(header), &position);

	if (got <= 0)
		return got ? got : true;
	if (got == sizeof(header) && !memcmp(&header, &expected_header, sizeof(header)))
		return false;
	return -EEXIST;
}

/* All of it or, if the file can be cut where it ended before, nothing. */
static int write_whole(struct file *file, const void *from, size_t size)
{
	const struct cred *own = override_creds(file->f_cred);
	loff_t position = 0;
	ssize_t wrote = 0;
	size_t done = 0;

	while (done < size) {
		wrote = kernel_write(file, from + done, size - done, &position);
		if (wrote <= 0)
			break;
		done += wrote;
	}
	/* Half a record would make all that is appended later unreadable. */
	if (done && done < size && i_size_read(file_inode(file)) == position)
		vfs_truncate(&file->f_path, position - done);
	revert_creds(own);
	if (done == size)
		return 0;
	return wrote ? wrote : -EIO;
}

int ds_result_file_open(struct ds_result_file *result, const char *path,
			size_t buffer_bytes, u32 max_regions)
{
	size_t largest_record =
		sizeof(struct record_interval) +
		DS_MAX_TARGETS * sizeof(struct record_target) +
		((size_t)max_regions + DS_LAYOUT_ADDED) * sizeof(struct record_region);
	struct file *file;
	int err;

	memset(result, 0, sizeof(*result));
	file = open_without_links(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = is_plain_file(file) ? is_empty(file) : -EINVAL;
	if (err > 0)
		err = write_whole(file, &expected_header, sizeof(expected_header));
	if (err)
		goto close;
	result->full = buffer_bytes;
	result->capacity = buffer_bytes + largest_record;
	result->buffer = kvmalloc(result->capacity, GFP_KERNEL_ACCOUNT);
	if (!result->buffer) {
		err = -ENOMEM;
		goto close;
	}
	result->file = file;
	return 0;

close:
	filp_close(file, NULL);
	return err;
}

static void add(struct ds_result_file *result, const void *from, size_t size)
{
	memcpy(result->buffer + result->used, from, size);
	result->used += size;
}

void ds_result_file_add(struct ds_result_file *result, const struct ds_view *view)
{
	const struct ds_regions *regions = view->regions;
	struct record_interval interval = { .nr_targets = regions->nr_slices };
	size_t bytes = sizeof(interval) +
		       regions->nr_slices * sizeof(struct record_target) +
		       regions->nr * sizeof(struct record_region);
	u32 nanoseconds;
	u32 t, i;

	if (!result->file || WARN_ON_ONCE(bytes > result->capacity - result->used))
		return;
	if (!result->used)
		result->waiting_since = view->header.time_ns;
	interval.seconds = div_u64_rem(view->header.time_ns, NSEC_PER_SEC, &nanoseconds);
	interval.nanoseconds = nanoseconds;
	add(result, &interval, sizeof(interval));
	for (t = 0; t < regions->nr_slices; t++) {
		const struct ds_slice *slice = &regions->slices[t];
		const struct record_target target = {
			.pid = pid_nr_ns(view->targets[t]->pid, view->pid_ns),
			.nr_regions = slice->nr,
		};

		add(result, &target, sizeof(target));
		for (i = slice->first; i < slice->first + slice->nr; i++) {
			const struct record_region region = {
				.start = regions->regions[i].start,
				.end = regions->regions[i].end,
				.nr_accesses = regions->regions[i].nr_accesses,
			};

			add(result, &region, sizeof(region));
		}
	}
}

static void write_out(struct ds_result_file *result)
{
	int err = write_whole(result->file, result->buffer, result->used);

	result->used = 0;
	if (!err)
		return;
	pr_warn("the result file cannot be written (error %d): nothing more is recorded, monitoring goes on\n",
		-err);
	filp_close(result->file, NULL);
	result->file = NULL;
}

void ds_result_file_write(struct ds_result_file *result)
{
	if (!result->file || !result->used)
		return;
	if (result->used >= result->full ||
	    ktime_get_ns() - result->waiting_since >= LONGEST_WAIT_NS)
		write_out(result);
}

void ds_result_file_close(struct ds_result_file *result)
{
	if (result->file && result->used)
		write_out(result);
	if (result->file)
		filp_close(result->file, NULL);
	kvfree(result->buffer);
	memset(result, 0, sizeof(*result));
}
