// SPDX-License-Identifier: GPL-2.0-only
/* TLB flushes by interrupts that nobody waits for. */

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/tlbflush.h>

#include "access/flush.h"
#include "compat/compat.h"

static void flush_everything(void)
{
	/*
	 * With page-table isolation a processor keeps the user half of an address
	 * space under a tag of its own, which a CR3 reload does not reach.
	 */
	if (boot_cpu_has(X86_FEATURE_PTI)) {
		__flush_tlb_all();
	} else {
		unsigned long cr3;

		asm volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r" (cr3) : : "memory");
	}
}

static void flush_page(unsigned long addr)
{
	asm volatile("invlpg (%0)" : : "r" (addr) : "memory");
}

/* The page's translation under the tag of the user half (INVPCID, type 0). */
static void flush_user_half(unsigned long addr, unsigned long user_tag)
{
	const struct {
		u64 tag, addr;
	} descriptor = { user_tag, addr };

	asm volatile("invpcid %[descriptor], %[type]"
		     : : [descriptor] "m" (descriptor), [type] "r" (0UL) : "memory");
}

static unsigned long current_tag(void)
{
	unsigned long cr3;

	asm volatile("mov %%cr3, %0" : "=r" (cr3));
	return cr3 & X86_CR3_PCID_MASK;
}

static void flush_pages(const struct ds_flush *flush)
{
	bool halves = boot_cpu_has(X86_FEATURE_PTI) && boot_cpu_has(X86_FEATURE_PCID);
	unsigned long user_tag;
	unsigned int i;

	if (halves && !boot_cpu_has(X86_FEATURE_INVPCID)) {
		__flush_tlb_all();
		return;
	}
	for (i = 0; i < flush->nr_addrs; i++)
		flush_page(flush->addrs[i]);
	/* Without PCID the switch to the user half drops all of it anyway. */
	if (!halves)
		return;
	user_tag = current_tag() | BIT(X86_CR3_PTI_PCID_USER_BIT);
	for (i = 0; i < flush->nr_addrs; i++)
		flush_user_half(flush->addrs[i], user_tag);
}

static void run_flush(void *info)
{
	struct ds_flush *flush = info;

	/* It may have switched away meanwhile; coming back, it sees the generation. */
	if (current->active_mm == flush->mm) {
		if (flush->policy == DAMON_SCHEMES_TLB_FULL)
			flush_everything();
		else
			flush_pages(flush);
	}
	atomic_dec_return_release(&flush->pending);
}

/* Called once for each processor of the mask, and what it lets pass gets the call. */
static bool wants_flush(int cpu, void *info)
{
	struct ds_flush *flush = info;

	if (ds_cpu_is_lazy(cpu))
		return false;
	flush->sent++;
	atomic_inc(&flush->pending);
	return true;
}

void ds_flush_wait(const struct ds_flush *flush)
{
	while (!ds_flush_done(flush))
		cpu_relax();
}

/* Whether a processor uses the address space now, and not only has it loaded. */
static bool is_in_use(struct mm_struct *mm)
{
	int cpu;

	for_each_cpu(cpu, mm_cpumask(mm))
		if (!ds_cpu_is_lazy(cpu))
			return true;
	return false;
}

unsigned int ds_flush_send(struct ds_flush *flush)
{
	flush->sent = 0;
	ds_bump_tlb_generation(flush->mm);
	/*
	 * Of hundreds of targets most are on no processor just now; who takes one up from
	 * here on sees the generation.
	 */
	if (!is_in_use(flush->mm))
		return 0;
	/* One for ourselves, so that it cannot be done before all are counted. */
	atomic_set(&flush->pending, 1);
	on_each_cpu_cond_mask(wants_flush, run_flush, flush, false,
			      mm_cpumask(flush->mm));
	atomic_dec_return_release(&flush->pending);
	return flush->sent;
}
