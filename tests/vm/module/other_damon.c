// SPDX-License-Identifier: MIT
/* Takes the folder damon in debugfs, as a kernel's own DAMON may have it. */

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/module.h>

static struct dentry* folder;

static int __init other_damon_init(void) {
    folder = debugfs_create_dir("damon", NULL);
    return PTR_ERR_OR_ZERO(folder);
}

static void __exit other_damon_exit(void) {
    debugfs_remove(folder);
}

module_init(other_damon_init);
module_exit(other_damon_exit);

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Stands in for a DAMON that has its folder in debugfs");
