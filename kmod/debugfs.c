// SPDX-License-Identifier: GPL-2.0-only
/* The files in debugfs, and the session that they drive. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "debugfs.h"
#include "result_file.h"
#include "session.h"

#define MAX_PIDS 32
/* The longest that can be written: some numbers and a path. */
#define MAX_TEXT PAGE_SIZE
#define NR_ATTRS 5

/**
 * struct monitoring - what the files say, and what runs
 * @lock: protects everything but @result and @ended.
 * @folder: NULL where there is none.
 * @attrs: as written; for the next session.
 * @attrs_name_file: reading attrs gives the path, too, as it was last written.
 * @buffer_bytes: of the result file; 0 where nothing is recorded.
 * @path: the result file's; NULL where none was named.
 * @path_cred: who named it.
 * @pids: as written.
 * @nr_pids: how many.
 * @session: runs; NULL while monitoring is off.
 * @result: the monitoring thread's while @session runs.
 * @ended: every target of @session has exited.
 * @end: turns monitoring off then, since the thread cannot wait for itself.
 */
struct monitoring {
	struct mutex lock; /* see above */
	struct dentry *folder;
	struct damon_schemes_attrs attrs;
	bool attrs_name_file;
	u32 buffer_bytes;
	char *path;
	const struct cred *path_cred;
	pid_t pids[MAX_PIDS];
	unsigned int nr_pids;
	struct ds_session *session;
	struct ds_result_file result;
	bool ended;
	struct work_struct end;
};

static void end_monitoring(struct work_struct *work);

static struct monitoring monitoring = {
	.lock = __MUTEX_INITIALIZER(monitoring.lock),
	.attrs = DS_DEFAULT_ATTRS,
	.end = __WORK_INITIALIZER(monitoring.end, end_monitoring),
};

/* A file of the folder. */
struct control {
	const char *name;
	/* What was written; 0 or an error.  May change the text. */
	int (*take)(char *text);
	/* What is read, to be freed; NULL without memory. */
	char *(*give)(void);
};

/* Writes down where the words of @text begin, @most of them; returns how many it has. */
static unsigned int split(char *text, char **words, unsigned int most)
{
	unsigned int nr = 0;

	for (text = skip_spaces(text); *text; text = skip_spaces(text)) {
		if (nr < most)
			words[nr] = text;
		nr++;
		while (*text && !isspace(*text))
			text++;
		if (*text)
			*text++ = '\0';
	}
	return nr;
}

/* Neither may lend its rights to the other, where they are two. */
static bool same_rights(const struct cred *one, const struct cred *other)
{
	return !cred_fscmp(one, other) && one->user_ns == other->user_ns &&
	       cap_issubset(one->cap_effective, other->cap_effective) &&
	       cap_issubset(other->cap_effective, one->cap_effective);
}

static void forget_path(void)
{
	kfree(monitoring.path);
	monitoring.path = NULL;
	if (monitoring.path_cred)
		put_cred(monitoring.path_cred);
	monitoring.path_cred = NULL;
}

static int set_path(const char *path, u32 buffer_bytes)
{
	char *copy;

	if (path[0] != '/')
		return -EINVAL;
	copy = kstrdup(path, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	forget_path();
	monitoring.path = copy;
	monitoring.path_cred = get_current_cred();
	monitoring.buffer_bytes = buffer_bytes;
	return 0;
}

static int take_attrs(char *text)
{
	struct damon_schemes_attrs attrs = DS_DEFAULT_ATTRS;
	char *words[NR_ATTRS + 1];
	u64 numbers[NR_ATTRS];
	unsigned int nr, i;
	int err;

	if (monitoring.session)
		return -EINVAL;
	nr = split(text, words, ARRAY_SIZE(words));
	if (nr != NR_ATTRS && nr != NR_ATTRS + 1)
		return -EINVAL;
	for (i = 0; i < NR_ATTRS; i++)
		if (kstrtou64(words[i], 10, &numbers[i]))
			return -EINVAL;
	if (numbers[3] > U32_MAX || numbers[4] > U32_MAX)
		return -EINVAL;
	attrs.sampling_interval_us = numbers[0];
	attrs.aggregation_interval_us = numbers[1];
	attrs.update_interval_us = numbers[2];
	attrs.min_regions = numbers[3];
	attrs.max_regions = numbers[4];
	if (!ds_attrs_are_valid(&attrs))
		return -EINVAL;
	if (nr > NR_ATTRS) {
		err = set_path(words[NR_ATTRS], DS_RESULT_DEFAULT_BUFFER);
		if (err)
			return err;
	}
	monitoring.attrs = attrs;
	monitoring.attrs_name_file = nr > NR_ATTRS;
	return 0;
}

static char *give_attrs(void)
{
	const struct damon_schemes_attrs *attrs = &monitoring.attrs;
	bool with_path = monitoring.attrs_name_file && monitoring.path;

	return kasprintf(GFP_KERNEL, "%llu %llu %llu %u %u%s%s\n",
			 attrs->sampling_interval_us, attrs->aggregation_interval_us,
			 attrs->update_interval_us, attrs->min_regions,
			 attrs->max_regions, with_path ? " " : "",
			 with_path ? monitoring.path : "");
}

/* Bytes of buffer and path; 0 bytes: nothing is recorded, whatever the path is. */
static int take_record(char *text)
{
	char *words[2];
	u32 bytes;

	if (monitoring.session)
		return -EINVAL;
	if (split(text, words, ARRAY_SIZE(words)) != ARRAY_SIZE(words) ||
	    kstrtou32(words[0], 10, &bytes))
		return -EINVAL;
	if (!bytes) {
		forget_path();
		monitoring.buffer_bytes = 0;
		return 0;
	}
	if (bytes < DS_RESULT_MIN_BUFFER || bytes > DS_RESULT_MAX_BUFFER)
		return -EINVAL;
	return set_path(words[1], bytes);
}

static char *give_record(void)
{
	return kasprintf(GFP_KERNEL, "%u %s\n", monitoring.buffer_bytes,
			 monitoring.path ? monitoring.path : "none");
}

static int take_pids(char *text)
{
	char *words[MAX_PIDS];
	pid_t pids[MAX_PIDS];
	unsigned int given, nr;

	if (monitoring.session)
		return -EINVAL;
	given = split(text, words, ARRAY_SIZE(words));
	for (nr = 0; nr < min_t(unsigned int, given, MAX_PIDS); nr++)
		if (kstrtoint(words[nr], 10, &pids[nr]) || pids[nr] <= 0)
			break;
	/* What stands behind a word that is no number does not count; more pids would. */
	if ((given && !nr) || (nr == MAX_PIDS && given > MAX_PIDS))
		return -EINVAL;
	memcpy(monitoring.pids, pids, nr * sizeof(pids[0]));
	monitoring.nr_pids = nr;
	return 0;
}

static char *give_pids(void)
{
	/* A sign, ten digits and a space each. */
	const size_t size = MAX_PIDS * 12 + 2;
	char *text = kzalloc(size, GFP_KERNEL);
	size_t used = 0;
	unsigned int i;

	if (!text)
		return NULL;
	for (i = 0; i < monitoring.nr_pids; i++)
		used += scnprintf(text + used, size - used, "%s%d", i ? " " : "",
				  monitoring.pids[i]);
	scnprintf(text + used, size - used, "\n");
	return text;
}

static void aggregated(const struct ds_view *view)
{
	unsigned int i;

	ds_result_file_add(&monitoring.result, view);
	for (i = 0; i < view->regions->nr_slices; i++)
		if (!(view->targets[i]->flags & DAMON_SCHEMES_TARGET_EXITED))
			return;
	WRITE_ONCE(monitoring.ended, true);
	queue_work(system_long_wq, &monitoring.end);
}

static void passed(void)
{
	ds_result_file_write(&monitoring.result);
}

static const struct ds_consumer consumer = {
	.aggregated = aggregated,
	.passed = passed,
};

static bool is_repeated(unsigned int which)
{
	unsigned int i;

	for (i = 0; i < which; i++)
		if (monitoring.pids[i] == monitoring.pids[which])
			return true;
	return false;
}

/* A process that is gone is left out, unless none is left. */
static int add_targets(struct ds_session *session)
{
	unsigned int i, nr = 0;

	for (i = 0; i < monitoring.nr_pids; i++) {
		struct damon_schemes_target target = { .pid = monitoring.pids[i] };
		int err;

		if (is_repeated(i))
			continue;
		err = ds_session_add_target(session, &target);
		if (err && err != -ESRCH)
			return err;
		nr += !err;
	}
	return nr ? 0 : -ESRCH;
}

static int open_result(void)
{
	if (!monitoring.buffer_bytes)
		return 0;
	if (!same_rights(monitoring.path_cred, current_cred())) {
		pr_info("the result file was named by a process with other rights: name it again\n");
		return -EPERM;
	}
	return ds_result_file_open(&monitoring.result, monitoring.path,
				   monitoring.buffer_bytes,
				   monitoring.attrs.max_regions);
}

static int turn_on(void)
{
	struct ds_session *session;
	int err;

	if (monitoring.session)
		return -EBUSY;
	if (!monitoring.nr_pids)
		return -EINVAL;
	session = ds_session_create(current_cred(), &consumer);
	if (IS_ERR(session))
		return PTR_ERR(session);
	err = ds_session_set_attrs(session, &monitoring.attrs);
	if (!err)
		err = add_targets(session);
	if (!err)
		err = open_result();
	if (!err) {
		monitoring.ended = false;
		err = ds_session_start(session);
	}
	if (err) {
		ds_session_destroy(session);
		ds_result_file_close(&monitoring.result);
		return err;
	}
	monitoring.session = session;
	return 0;
}

static int turn_off(void)
{
	if (!monitoring.session)
		return -EPERM;
	ds_session_destroy(monitoring.session);
	monitoring.session = NULL;
	ds_result_file_close(&monitoring.result);
	return 0;
}

static void end_monitoring(struct work_struct *work)
{
	mutex_lock(&monitoring.lock);
	/* Somebody may have turned it off meanwhile, and on again. */
	if (monitoring.session && READ_ONCE(monitoring.ended))
		turn_off();
	mutex_unlock(&monitoring.lock);
}

static int take_monitor_on(char *text)
{
	if (sysfs_streq(text, "on"))
		return turn_on();
	if (sysfs_streq(text, "off"))
		return turn_off();
	return -EINVAL;
}

static char *give_monitor_on(void)
{
	return kstrdup(monitoring.session ? "on\n" : "off\n", GFP_KERNEL);
}

static const struct control controls[] = {
	{ "attrs", take_attrs, give_attrs },
	{ "record", take_record, give_record },
	{ "pids", take_pids, give_pids },
	{ "monitor_on", take_monitor_on, give_monitor_on },
};

static ssize_t control_read(struct file *file, char __user *buffer, size_t size,
			    loff_t *offset)
{
	const struct control *control = file_inode(file)->i_private;
	ssize_t result;
	char *text;

	mutex_lock(&monitoring.lock);
	text = control->give();
	mutex_unlock(&monitoring.lock);
	if (!text)
		return -ENOMEM;
	result = simple_read_from_buffer(buffer, size, offset, text, strlen(text));
	kfree(text);
	return result;
}

/* The file's mode says who may; this is for one that was opened for somebody else. */
static bool may_write(const struct file *file)
{
	return same_rights(file->f_cred, current_cred()) &&
	       (capable(CAP_SYS_ADMIN) || capable(CAP_SYS_PTRACE));
}

static ssize_t control_write(struct file *file, const char __user *buffer, size_t size,
			     loff_t *offset)
{
	const struct control *control = file_inode(file)->i_private;
	char *text;
	int err;

	if (*offset)
		return -EINVAL;
	if (size > MAX_TEXT)
		return -E2BIG;
	if (!may_write(file))
		return -EPERM;
	text = memdup_user_nul(buffer, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&monitoring.lock);
	err = control->take(text);
	mutex_unlock(&monitoring.lock);
	kfree(text);
	/* The offset stays: what is written next is a command of its own. */
	return err ? err : size;
}

static const struct file_operations control_operations = {
	.owner = THIS_MODULE,
	.read = control_read,
	.write = control_write,
	.llseek = default_llseek,
};

static const char *free_folder_name(void)
{
	struct dentry *taken = debugfs_lookup("damon", NULL);

	if (!taken)
		return "damon";
	dput(taken);
	pr_info("debugfs has a folder damon already; ours is damon_schemes\n");
	return "damon_schemes";
}

void ds_debugfs_create(void)
{
	struct dentry *folder = ERR_PTR(-ENODEV);
	unsigned int i;

	if (debugfs_initialized())
		folder = debugfs_create_dir(free_folder_name(), NULL);
	if (IS_ERR(folder)) {
		pr_info("no files in debugfs (error %ld)\n", -PTR_ERR(folder));
		return;
	}
	for (i = 0; i < ARRAY_SIZE(controls); i++)
		debugfs_create_file(controls[i].name, 0600, folder,
				    (void *)&controls[i], &control_operations);
	monitoring.folder = folder;
}

void ds_debugfs_remove(void)
{
	/* Nobody is in a file's functions afterwards. */
	debugfs_remove(monitoring.folder);
	mutex_lock(&monitoring.lock);
	turn_off();
	mutex_unlock(&monitoring.lock);
	cancel_work_sync(&monitoring.end);
	forget_path();
}
