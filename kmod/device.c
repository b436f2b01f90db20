// SPDX-License-Identifier: GPL-2.0-only
/* The device: what user space calls, checked and handed on to the session. */

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "compat/compat.h"
#include "device.h"
#include "session.h"

/* Take a structure of any version: see how structures grow in the uapi header. */
static int take(void *to, size_t size, const void __user *from, unsigned int cmd)
{
	if (_IOC_SIZE(cmd) < size)
		return -EINVAL;
	return copy_struct_from_user(to, size, from, _IOC_SIZE(cmd));
}

/* Give one whose first version had @first bytes. */
static int give_since(void __user *to, const void *from, size_t size, size_t first,
		      unsigned int cmd)
{
	size_t room = _IOC_SIZE(cmd);
	size_t known = min(size, room);

	if (room < first)
		return -EINVAL;
	if (copy_to_user(to, from, known) || clear_user(to + known, room - known))
		return -EFAULT;
	return 0;
}

static int give(void __user *to, const void *from, size_t size, unsigned int cmd)
{
	return give_since(to, from, size, size, cmd);
}

static long get_features(unsigned int cmd, void __user *arg)
{
	const struct damon_schemes_features features = {
		.abi_version = DAMON_SCHEMES_ABI_VERSION,
		.page_size = PAGE_SIZE,
		.flags = DAMON_SCHEMES_FEATURE_SCAN | DAMON_SCHEMES_FEATURE_MAPPINGS |
			 DAMON_SCHEMES_FEATURE_CHILDREN | DAMON_SCHEMES_FEATURE_SEARCH |
			 (DS_KERNEL_TESTED ? 0 : DAMON_SCHEMES_FEATURE_UNTESTED_KERNEL),
		.max_targets = DS_MAX_TARGETS,
		.max_regions = DS_MAX_REGIONS,
		.min_interval_us = DS_MIN_INTERVAL_US,
		.max_interval_us = DS_MAX_INTERVAL_US,
	};

	return give(arg, &features, sizeof(features), cmd);
}

static long get_attrs(struct ds_session *session, unsigned int cmd, void __user *arg)
{
	struct damon_schemes_attrs attrs;

	ds_session_get_attrs(session, &attrs);
	return give(arg, &attrs, sizeof(attrs), cmd);
}

static long set_attrs(struct ds_session *session, unsigned int cmd, void __user *arg)
{
	struct damon_schemes_attrs attrs;
	int err = take(&attrs, sizeof(attrs), arg, cmd);

	return err ? err : ds_session_set_attrs(session, &attrs);
}

static long add_target(struct ds_session *session, unsigned int cmd, void __user *arg)
{
	struct damon_schemes_target target;
	int err = take(&target, sizeof(target), arg, cmd);

	if (!err)
		err = ds_session_add_target(session, &target);
	if (err)
		return err;
	err = give(arg, &target, sizeof(target), cmd);
	if (err) {
		/* Nobody could name it. */
		target.pid = 0;
		ds_session_remove_target(session, &target);
	}
	return err;
}

static long remove_target(struct ds_session *session, unsigned int cmd, void __user *arg)
{
	struct damon_schemes_target target;
	int err = take(&target, sizeof(target), arg, cmd);

	return err ? err : ds_session_remove_target(session, &target);
}

static long get_stats(struct ds_session *session, unsigned int cmd, void __user *arg)
{
	struct damon_schemes_stats stats;

	ds_session_get_stats(session, &stats);
	return give_since(arg, &stats, sizeof(stats),
			  offsetof(struct damon_schemes_stats, scans), cmd);
}

static long scan(struct ds_session *session, unsigned int cmd, void __user *arg)
{
	struct damon_schemes_scan request;
	int err = take(&request, sizeof(request), arg, cmd);

	return err ? err : ds_session_scan(session, &request);
}

/* A command is its number and direction; its size may be another version's. */
static bool is_command(unsigned int cmd, unsigned int known)
{
	const unsigned int size_mask = _IOC_SIZEMASK << _IOC_SIZESHIFT;

	return (cmd & ~size_mask) == (known & ~size_mask);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ds_session *session = file->private_data;
	void __user *user = (void __user *)arg;

	if (is_command(cmd, DAMON_SCHEMES_GET_FEATURES))
		return get_features(cmd, user);
	if (is_command(cmd, DAMON_SCHEMES_GET_ATTRS))
		return get_attrs(session, cmd, user);
	if (is_command(cmd, DAMON_SCHEMES_SET_ATTRS))
		return set_attrs(session, cmd, user);
	if (is_command(cmd, DAMON_SCHEMES_ADD_TARGET))
		return add_target(session, cmd, user);
	if (is_command(cmd, DAMON_SCHEMES_REMOVE_TARGET))
		return remove_target(session, cmd, user);
	if (is_command(cmd, DAMON_SCHEMES_GET_STATS))
		return get_stats(session, cmd, user);
	if (is_command(cmd, DAMON_SCHEMES_SCAN))
		return scan(session, cmd, user);
	if (cmd == DAMON_SCHEMES_START)
		return ds_session_start(session);
	if (cmd == DAMON_SCHEMES_STOP)
		return ds_session_stop(session);
	return -ENOTTY;
}

static ssize_t device_read(struct file *file, char __user *buffer, size_t size,
			   loff_t *offset)
{
	struct ds_session *session = file->private_data;
	struct ds_outbox *outbox = &session->outbox;

	for (;;) {
		ssize_t result = ds_outbox_read(outbox, buffer, size);
		int err;

		if (result != -EAGAIN || (file->f_flags & O_NONBLOCK))
			return result;
		err = wait_event_interruptible(outbox->readable,
					       ds_outbox_readable(outbox));
		if (err)
			return err;
	}
}

static __poll_t device_poll(struct file *file, poll_table *wait)
{
	struct ds_session *session = file->private_data;

	poll_wait(file, &session->outbox.readable, wait);
	return ds_outbox_readable(&session->outbox) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct ds_session *session = ds_session_create(file->f_cred, NULL);

	if (IS_ERR(session))
		return PTR_ERR(session);
	file->private_data = session;
	return stream_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	ds_session_destroy(file->private_data);
	return 0;
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.poll = device_poll,
	.unlocked_ioctl = device_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "damon_schemes",
	.fops = &device_operations,
	.mode = 0600,
};

int ds_device_register(void)
{
	return misc_register(&device);
}

void ds_device_unregister(void)
{
	misc_deregister(&device);
}
