/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making processors walk the page tables again: an entry that stays in a TLB keeps
 * the Accessed bit clear however often its page is accessed.
 *
 * A flush is sent and not waited for; what it needs stays in place until the last
 * processor is done with it.  Processors that have the address space loaded for
 * nobody are left asleep: they see the raised generation when they wake.
 */
#ifndef DAMON_SCHEMES_ACCESS_FLUSH_H
#define DAMON_SCHEMES_ACCESS_FLUSH_H

#include <linux/atomic.h>
#include <linux/mm_types.h>

#include "uapi/damon_schemes.h"

/**
 * struct ds_flush - one target's flush
 * @mm: its address space.
 * @policy: DAMON_SCHEMES_TLB_PAGE or _FULL.
 * @addrs: pages to flush for _PAGE.
 * @nr_addrs: how many.
 * @sent: processors it was sent to; written by the sender alone.
 * @pending: processors that still have to run it.
 */
struct ds_flush {
	struct mm_struct *mm;
	enum damon_schemes_tlb policy;
	const unsigned long *addrs;
	unsigned int nr_addrs;
	unsigned int sent;
	atomic_t pending;
};

static inline bool ds_flush_done(const struct ds_flush *flush)
{
	return !atomic_read_acquire(&flush->pending);
}

/* Spins until the last processor is done; they answer within microseconds. */
void ds_flush_wait(const struct ds_flush *flush);

/*
 * Send @flush, which must be done with its last.  Returns how many processors were
 * interrupted.  With interrupts on; @flush and its addresses stay in place until it
 * is done.
 */
unsigned int ds_flush_send(struct ds_flush *flush);

#endif
