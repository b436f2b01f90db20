// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <asm/cpufeature.h>

#include "compat/compat.h"
#include "device.h"

static bool allow_untested_kernel;
module_param(allow_untested_kernel, bool, 0444);
MODULE_PARM_DESC(allow_untested_kernel,
		 "Load on a kernel outside of " DS_TESTED_KERNELS " (default: no)");

static int __init damon_schemes_init(void)
{
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
	return ds_device_register();
}

static void __exit damon_schemes_exit(void)
{
	ds_device_unregister();
}

module_init(damon_schemes_init);
module_exit(damon_schemes_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The damon-schemes authors");
MODULE_DESCRIPTION("Data access monitoring with adaptive regions, for user-space memory policies");
MODULE_VERSION("0.1.0");
