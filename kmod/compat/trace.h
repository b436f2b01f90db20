/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trace event damon_aggregated, as the DAMON patchset's v12 has it.
 *
 * It belongs to the trace system "damon", unless the kernel has a DAMON, whose event
 * of that name has other fields: then ours is in "damon_schemes".
 */
#undef TRACE_SYSTEM
#if IS_ENABLED(CONFIG_DAMON)
#define TRACE_SYSTEM damon_schemes
#else
#define TRACE_SYSTEM damon
#endif

#if !defined(DAMON_SCHEMES_COMPAT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DAMON_SCHEMES_COMPAT_TRACE_H

#include <linux/kconfig.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

#define DS_TRACE_SYSTEM_IS_OUR_OWN IS_ENABLED(CONFIG_DAMON)

TRACE_EVENT(damon_aggregated,
	    TP_PROTO(pid_t pid, unsigned int nr_regions, unsigned long start,
		     unsigned long end, unsigned int nr_accesses),

	    TP_ARGS(pid, nr_regions, start, end, nr_accesses),

	    TP_STRUCT__entry(__field(pid_t, pid)
			     __field(unsigned int, nr_regions)
			     __field(unsigned long, start)
			     __field(unsigned long, end)
			     __field(unsigned int, nr_accesses)),

	    TP_fast_assign(__entry->pid = pid;
			   __entry->nr_regions = nr_regions;
			   __entry->start = start;
			   __entry->end = end;
			   __entry->nr_accesses = nr_accesses;),

	    TP_printk("pid=%d nr_regions=%u %lu-%lu: %u", __entry->pid,
		      __entry->nr_regions, __entry->start, __entry->end,
		      __entry->nr_accesses)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH compat
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
