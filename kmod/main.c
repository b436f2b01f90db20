// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <asm/cpufeature.h>

#include "announce.h"
#include "compat/compat.h"
#include "debugfs.h"
#include "device.h"

static bool allow_untested_kernel;
module_param(allow_untested_kernel, bool, 0444);
MODULE_PARM_DESC(allow_untested_kernel,
		 "Load on a kernel outside of " DS_TESTED_KERNELS " (default: no)");

static bool legacy_interfaces = true;
module_param(legacy_interfaces, bool, 0444);
MODULE_PARM_DESC(legacy_interfaces,
		 "The DAMON patchset's interfaces: files in debugfs, trace event, callbacks for other modules (default: yes)");

static int __init damon_schemes_init(void)
{
	int err;

	if (!DS_KERNEL_TESTED && !allow_untested_kernel) {
		pr_err("tested on kernels %s only; allow_untested_kernel=1 loads it all the same\n",
		       DS_TESTED_KERNELS);
		return -EOPNOTSUPP;
	}
	/* There, page-table entries are the hypervisor's and not what is read. */
	if (boot_cpu_has(X86_FEATURE_XENPV)) {
		pr_err("a paravirtualized Xen guest's page tables cannot be sampled\n");
		return -EOPNOTSUPP;
	}
	err = ds_device_register();
	if (err)
		return err;
	if (legacy_interfaces) {
		ds_announce_allow();
		ds_debugfs_create();
	}
	return 0;
}

static void __exit damon_schemes_exit(void)
{
	ds_debugfs_remove();
	ds_device_unregister();
}

module_init(damon_schemes_init);
module_exit(damon_schemes_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The damon-schemes authors");
MODULE_DESCRIPTION("Data access monitoring with adaptive regions, for user-space memory policies");
MODULE_VERSION("0.1.0");
