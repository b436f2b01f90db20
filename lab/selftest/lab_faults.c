// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Commits one fault on request, so that the lab can show that it notices:
 *	echo warn >/sys/kernel/debug/lab_faults
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

static struct dentry *entry;
static DEFINE_SPINLOCK(lock);

static void write_behind_the_end(void)
{
	char *bytes = kmalloc(32, GFP_KERNEL);
	char *volatile behind = bytes;

	if (bytes)
		behind[32] = 1;
	kfree(bytes);
}

static ssize_t fault_write(struct file *file, const char __user *from,
			   size_t size, loff_t *offset)
{
	char word[16] = {};

	if (size >= sizeof(word) || copy_from_user(word, from, size))
		return -EINVAL;
	if (sysfs_streq(word, "warn"))
		WARN(1, "lab_faults: as asked for\n");
	else if (sysfs_streq(word, "oops"))
		*(volatile int *)NULL = 0;
	else if (sysfs_streq(word, "sleep")) {
		spin_lock(&lock);
		msleep(1);
		spin_unlock(&lock);
	} else if (sysfs_streq(word, "overrun"))
		write_behind_the_end();
	else
		return -EINVAL;
	return size;
}

static const struct file_operations fault_operations = {
	.owner = THIS_MODULE,
	.write = fault_write,
};

static int __init lab_faults_init(void)
{
	entry = debugfs_create_file("lab_faults", 0200, NULL, NULL, &fault_operations);
	return PTR_ERR_OR_ZERO(entry);
}

static void __exit lab_faults_exit(void)
{
	debugfs_remove(entry);
}

module_init(lab_faults_init);
module_exit(lab_faults_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Commits faults for the lab's own test");
