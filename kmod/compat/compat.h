/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between kernel versions, and no other file has one.
 *
 * Tested on: the 6.1 and the 6.12 series (Debian 12's kernels).  Any other kernel
 * is refused, when building and when loading, unless somebody asks for it by name.
 */
#ifndef DAMON_SCHEMES_COMPAT_H
#define DAMON_SCHEMES_COMPAT_H

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/version.h>
#include <asm/tlbflush.h>

#define DS_TESTED_KERNELS "6.1.* and 6.12.*"

#if LINUX_VERSION_MAJOR == 6 && \
	(LINUX_VERSION_PATCHLEVEL == 1 || LINUX_VERSION_PATCHLEVEL == 12)
#define DS_KERNEL_TESTED 1
#else
#define DS_KERNEL_TESTED 0
#ifndef DAMON_SCHEMES_ALLOW_UNTESTED_KERNEL
#error "not tested on this kernel: make ALLOW_UNTESTED_KERNEL=1 builds it all the same"
#endif
#endif

/*
 * asm/tlbflush.h declares both of the following for built-in code alone, although
 * the variable is exported and the generation is a plain field: a module that
 * changes page tables must be able to tell processors that will load them later.
 */
struct tlb_state_shared {
	bool is_lazy;
};
DECLARE_PER_CPU_SHARED_ALIGNED(struct tlb_state_shared, cpu_tlbstate_shared);

/* Whether @cpu keeps the address space loaded for no task of its own. */
static inline bool ds_cpu_is_lazy(int cpu)
{
	return READ_ONCE(per_cpu(cpu_tlbstate_shared, cpu).is_lazy);
}

/* A processor that loads @mm later, or wakes with it parked, flushes first. */
static inline void ds_bump_tlb_generation(struct mm_struct *mm)
{
	atomic64_inc(&mm->context.tlb_gen);
	/* Before anybody reads who is lazy: as the kernel's own flush has it. */
	smp_mb__after_atomic();
}

#endif
