/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The interface between the damon_schemes module and user space.
 *
 * Each open file of /dev/damon_schemes is a monitoring session of its own: its
 * attributes, its targets and its kernel thread.  The session ends, and
 * everything it holds is freed, at the last close of the file.
 *
 *	fd = open("/dev/damon_schemes", O_RDWR | O_CLOEXEC | O_NONBLOCK);
 *	ioctl(fd, DAMON_SCHEMES_GET_FEATURES, &features);
 *	ioctl(fd, DAMON_SCHEMES_SET_ATTRS, &attrs);
 *	ioctl(fd, DAMON_SCHEMES_ADD_TARGET, &target);
 *	ioctl(fd, DAMON_SCHEMES_START);
 *	poll(fd, POLLIN), then read(fd, buffer, size): exactly one snapshot.
 *
 * How structures grow: a structure's size is part of its command's number.  The
 * module takes a structure that is shorter than its own (the rest reads as
 * zero), and one that is longer if the part it does not know is zero (E2BIG
 * otherwise).  A structure shorter than its first version is EINVAL.  Fields
 * named reserved must be zero (EINVAL).  A changed meaning gets a new command.
 *
 * Errors common to all commands: ENOTTY unknown command, EFAULT bad pointer,
 * EINVAL a value out of its range, E2BIG see above.
 */
#ifndef _UAPI_DAMON_SCHEMES_H
#define _UAPI_DAMON_SCHEMES_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define DAMON_SCHEMES_DEVICE "/dev/damon_schemes"
#define DAMON_SCHEMES_ABI_VERSION 1

/**
 * enum damon_schemes_tlb - what makes a cached translation walk again
 * @DAMON_SCHEMES_TLB_AUTO: the module chooses; the snapshot names its choice.
 * @DAMON_SCHEMES_TLB_NONE: nothing.  An entry that stays in the TLB hides later
 *	accesses, so hot memory may look idle.  For measuring only.
 * @DAMON_SCHEMES_TLB_PAGE: the pages sampled in the pass, on every processor
 *	that runs the target.
 * @DAMON_SCHEMES_TLB_FULL: everything of the target, on those processors.
 */
enum damon_schemes_tlb {
	DAMON_SCHEMES_TLB_AUTO = 0,
	DAMON_SCHEMES_TLB_NONE = 1,
	DAMON_SCHEMES_TLB_PAGE = 2,
	DAMON_SCHEMES_TLB_FULL = 3,
};

/**
 * struct damon_schemes_features - what this module can do (GET_FEATURES)
 * @abi_version: DAMON_SCHEMES_ABI_VERSION of the module.
 * @page_size: bytes of a base page.
 * @flags: DAMON_SCHEMES_FEATURE_* bits.
 * @max_targets: most targets of one session.
 * @max_regions: greatest value of damon_schemes_attrs.max_regions.
 * @min_interval_us: shortest sampling interval, in microseconds.
 * @max_interval_us: longest interval of any kind, in microseconds.
 */
struct damon_schemes_features {
	__u32 abi_version;
	__u32 page_size;
	__u64 flags;
	__u32 max_targets;
	__u32 max_regions;
	__u64 min_interval_us;
	__u64 max_interval_us;
};

/* The kernel was outside of the tested range and loading was forced. */
#define DAMON_SCHEMES_FEATURE_UNTESTED_KERNEL _BITULL(0)
/* SCAN is there. */
#define DAMON_SCHEMES_FEATURE_SCAN _BITULL(1)
/* DAMON_SCHEMES_ATTR_MAPPINGS is there. */
#define DAMON_SCHEMES_FEATURE_MAPPINGS _BITULL(2)
/* DAMON_SCHEMES_ATTR_CHILDREN is there. */
#define DAMON_SCHEMES_FEATURE_CHILDREN _BITULL(3)
/* DAMON_SCHEMES_ATTR_SEARCH is there. */
#define DAMON_SCHEMES_FEATURE_SEARCH _BITULL(4)

/* damon_schemes_attrs.flags: regions begin and end with mappings, each of one kind. */
#define DAMON_SCHEMES_ATTR_MAPPINGS _BITUL(0)
/* damon_schemes_attrs.flags: children that a target forks become targets. */
#define DAMON_SCHEMES_ATTR_CHILDREN _BITUL(1)
/*
 * damon_schemes_attrs.flags: runs of page-table entries, upper ones first, are looked at
 * to find what is hot in much that is cold.  Once in an aggregation interval everything
 * of the targets is flushed for it; under DAMON_SCHEMES_TLB_NONE there is no search.
 */
#define DAMON_SCHEMES_ATTR_SEARCH _BITUL(2)

/**
 * struct damon_schemes_attrs - how a session samples (GET_ATTRS, SET_ATTRS)
 * @sampling_interval_us: between two looks at a region, in microseconds.
 * @aggregation_interval_us: between two snapshots, in microseconds.
 * @update_interval_us: between two looks at the targets' mappings, in
 *	microseconds.  0 < sampling <= aggregation <= update.
 * @min_regions: the session's regions are split at least this fine; >= 3.
 * @max_regions: never more regions than this, all targets together;
 *	>= @min_regions.
 * @min_region_size: every border is aligned to this many bytes; a power of two,
 *	at least a page.
 * @tlb_policy: enum damon_schemes_tlb.
 * @flags: DAMON_SCHEMES_ATTR_* bits.
 *
 * Mappings are also looked at within two aggregation intervals of a change that the
 * kernel's counts of the address space show; where they change all the time, ever more
 * seldom, at last once in 64 aggregations or in @update_interval_us if that is shorter.
 * What is unmapped while as much of the same kind is mapped elsewhere does not show.
 *
 * @max_regions is shared: no target has less than an equal share because another has
 * more.
 *
 * DAMON_SCHEMES_ATTR_MAPPINGS: each run of adjacent mappings of one kind has regions of
 * its own, and holes have none.  Runs may be a quarter of a target's equal share of
 * @max_regions (and three, if that is more).  Where there are more, neighbours are
 * joined, those first by which least is lost: small ones of different kinds, whose
 * whole is then of kind ANY, and those of one kind with a small hole between, which is
 * then watched, too.  Devices' and the kernel's own mappings (vdso) are left out.
 *
 * DAMON_SCHEMES_ATTR_CHILDREN: at each aggregation every process whose parent is a
 * target becomes one, with an id of its own, if who opened the session may watch it and
 * there is room; damon_schemes_stats.children_unwatched counts those that could not.
 * Its snapshot says its pid.  It is a target like others, and stays one after its exit
 * until it is removed; one that is removed alive does not come back.  A child whose
 * parent exits before the next aggregation is not found.
 *
 * A session has the defaults 5 ms, 100 ms, 1 s, 10, 1,000, one page and AUTO
 * when it is opened.  Attributes may change while it runs: ages and counts are
 * rescaled, no region is lost.  ENOSPC: more targets than @max_regions allows
 * (three regions each).
 */
struct damon_schemes_attrs {
	__u64 sampling_interval_us;
	__u64 aggregation_interval_us;
	__u64 update_interval_us;
	__u32 min_regions;
	__u32 max_regions;
	__u64 min_region_size;
	__u32 tlb_policy;
	__u32 flags;
};

/**
 * struct damon_schemes_target - a process to watch (ADD_TARGET, REMOVE_TARGET)
 * @id: ADD: written by the module, unique for the session's life.  REMOVE: in.
 * @pid: ADD: in, a process id in the caller's pid namespace.  REMOVE: zero.
 * @flags: must be zero.
 *
 * A pid can be reused, so check with a pidfd after ADD that the process is still
 * the one that was meant.
 *
 * ADD: ESRCH no such process, or it has no address space any more (a zombie);
 * EINVAL a kernel thread; EPERM neither CAP_SYS_ADMIN nor CAP_SYS_PTRACE over
 * the target's user namespace; EBUSY a session samples this address space
 * already (two would clear each other's bits); ENOSPC no room for three more
 * regions, or max_targets reached.  REMOVE: ENOENT no such id.
 */
struct damon_schemes_target {
	__u64 id;
	__s32 pid;
	__u32 flags;
};

#define DAMON_SCHEMES_IRQ_OFF_BUCKETS 32

/**
 * struct damon_schemes_stats - a session's own cost (GET_STATS)
 * @thread_ns: CPU time of the monitoring thread since the session's first START.
 * @passes: sampling passes made.
 * @late_passes: passes that began more than one sampling interval late.
 * @checks: looks at a page; none is taken while nobody who could use it has run.
 * @snapshots: snapshots made.
 * @lost: snapshots replaced before they were read.
 * @updates: looks at the targets' mappings made.
 * @updates_missed: those given up because the mmap lock was not free.
 * @flushes: TLB flushes sent.
 * @flushes_skipped: passes that sampled nothing, so that no clear awaited a
 *	flush, or whose predecessor's flush was still under way.
 * @flush_ipis: processors interrupted for a flush.
 * @irq_off_max_ns: longest time with interrupts off.
 * @irq_off_log2_ns: how many batches took [2^n, 2^(n+1)) ns with interrupts off.
 * @lock_max_ns: longest time an mmap lock was held.
 * @memory_bytes: memory the session holds now.
 * @snapshot_bytes: size of the waiting snapshot, 0 if none waits.
 * @thread_pid: pid of the monitoring thread in the opener's namespace, 0 if none.
 * @nr_targets: targets, those that have exited included.
 * @nr_regions: regions of all targets.
 * @tlb_policy: the one in force, never AUTO.
 * @scans: SCANs that ended well.
 * @scanned_pages: pages that SCANs have told of.  The structure's first version ends
 *	before @scans.
 * @children: children of targets that became targets themselves.
 * @children_unwatched: those found at the last look that could not: not permitted, no
 *	room, or no address space of their own yet (vfork).
 */
struct damon_schemes_stats {
	__u64 thread_ns;
	__u64 passes;
	__u64 late_passes;
	__u64 checks;
	__u64 snapshots;
	__u64 lost;
	__u64 updates;
	__u64 updates_missed;
	__u64 flushes;
	__u64 flushes_skipped;
	__u64 flush_ipis;
	__u64 irq_off_max_ns;
	__u64 irq_off_log2_ns[DAMON_SCHEMES_IRQ_OFF_BUCKETS];
	__u64 lock_max_ns;
	__u64 memory_bytes;
	__u64 snapshot_bytes;
	__s32 thread_pid;
	__u32 nr_targets;
	__u32 nr_regions;
	__u32 tlb_policy;
	__u64 scans;
	__u64 scanned_pages;
	__u64 children;
	__u64 children_unwatched;
};

/* Most pages of one SCAN. */
#define DAMON_SCHEMES_SCAN_MAX_PAGES 65536

/* damon_schemes_scan.flags: clear the Accessed bits that are found. */
#define DAMON_SCHEMES_SCAN_CLEAR _BITUL(0)

/*
 * What SCAN says of one page.  0: the address space has nothing there: not mapped,
 * never touched, or shared memory that it has no entry of now.
 */
/* A page in memory. */
#define DAMON_SCHEMES_PAGE_PRESENT 0x01
/* A swap entry of the address space.  Shared memory in swap has none: it reads 0. */
#define DAMON_SCHEMES_PAGE_SWAPPED 0x02
/* Present, and accessed since its bit was last cleared: by a SCAN, or by others. */
#define DAMON_SCHEMES_PAGE_YOUNG 0x04
/* Present, mapped by a huge entry: the bit is one for the whole huge page. */
#define DAMON_SCHEMES_PAGE_HUGE 0x08
/*
 * Nothing can be said: mapped specially (a device, raw page frames, the page of
 * zeroes), on its way elsewhere, or its entry changed whenever it was looked at.
 */
#define DAMON_SCHEMES_PAGE_UNKNOWN 0x10

/**
 * struct damon_schemes_scan - every page of a range of one target (SCAN)
 * @target_id: of a target of the session.
 * @generation: of its address space, as in snapshots.
 * @start: first address, page aligned.
 * @end: first address behind the range, page aligned; above @start, at most
 *	DAMON_SCHEMES_SCAN_MAX_PAGES pages.
 * @states: address of one byte a page, in order, that the module writes:
 *	DAMON_SCHEMES_PAGE_* bits.  On an error their contents mean nothing.
 * @flags: DAMON_SCHEMES_SCAN_CLEAR or 0.
 * @reserved: zero.
 *
 * Without CLEAR nothing is changed.  With it YOUNG is what was found before clearing.
 * When the call returns every processor has dropped its translations of the target,
 * so that the next access to any page of the range makes it YOUNG again.  Clear,
 * wait, look: what is then present and not YOUNG was not accessed in between through
 * this address space's page tables.
 *
 * The monitor's samples do not show in the answer, nor do scans show in snapshots:
 * where the monitor has cleared a page's bit for a sample, YOUNG is what the bit would
 * be without that; where a SCAN clears the bit of a sample that was accessed, the
 * sample counts as accessed.
 *
 * Bits that CLEAR clears are not given back: what stayed idle is about to be paged out
 * by who asked, and of the rest the kernel's reclaim sees the truth since the SCAN.
 * Where a range has a part of a huge page, that page's one bit is cleared; a SCAN of
 * the other part then tells what happened since.
 *
 * Any thread; several at once are served one after the other, between the monitor's
 * sampling passes, by its thread.  Others may clear the same bits (the kernel's
 * reclaim, mainline DAMON): what they clear looks idle here, too.
 *
 * EINVAL @start, @end or @flags as above, or beyond user space; ENOENT no such target;
 * EAGAIN the session is not started; ESRCH the process has exited; ESTALE it has
 * another address space (exec); EPERM the caller may not watch it (as for
 * ADD_TARGET), or it runs a program that the session may not watch; EOPNOTSUPP CLEAR
 * in a session under DAMON_SCHEMES_TLB_NONE, which flushes nothing; ECANCELED the
 * session was stopped meanwhile; ENOMEM.  After an error some bits may be cleared.
 */
struct damon_schemes_scan {
	__u64 target_id;
	__u64 generation;
	__u64 start;
	__u64 end;
	__u64 states;
	__u32 flags;
	__u32 reserved;
};

/*
 * What read() returns: one struct damon_schemes_snapshot, then @nr_targets of
 * struct damon_schemes_snapshot_target at @targets_offset, @target_size bytes
 * apart, then @nr_regions of struct damon_schemes_snapshot_region at
 * @regions_offset, @region_size bytes apart, those of one target together and
 * sorted by address.  A later module may make any of the three longer.
 *
 * read(): EAGAIN none waits (O_NONBLOCK); EMSGSIZE the buffer is too small: the
 * snapshot stays, and where the buffer holds at least the header, that is
 * written, so that @total_bytes says what is needed.
 */

/**
 * struct damon_schemes_snapshot - the header of a snapshot
 * @total_bytes: bytes of the whole snapshot.
 * @sequence: number of this snapshot in its session, from 1; a lost one leaves
 *	its number out.
 * @lost: snapshots lost since the session began because none read them.
 * @time_ns: CLOCK_MONOTONIC when the aggregation interval ended.
 * @duration_ns: the interval's true length.
 * @sampling_interval_us: attributes in force.
 * @aggregation_interval_us: attributes in force; the unit of a region's age.
 * @passes: sampling passes made in the interval.
 * @max_nr_accesses: aggregation / sampling interval: what a region seen in every
 *	sample counts.
 * @tlb_policy: the one in force, never AUTO.
 * @nr_targets: target records.
 * @nr_regions: region records.
 * @targets_offset: bytes from the start of the snapshot.
 * @regions_offset: bytes from the start of the snapshot.
 * @target_size: bytes of a target record.
 * @region_size: bytes of a region record.
 * @reserved: zero.
 */
struct damon_schemes_snapshot {
	__u64 total_bytes;
	__u64 sequence;
	__u64 lost;
	__u64 time_ns;
	__u64 duration_ns;
	__u64 sampling_interval_us;
	__u64 aggregation_interval_us;
	__u32 passes;
	__u32 max_nr_accesses;
	__u32 tlb_policy;
	__u32 nr_targets;
	__u32 nr_regions;
	__u32 targets_offset;
	__u32 regions_offset;
	__u16 target_size;
	__u16 region_size;
	__u64 reserved;
};

/* The process has exited (or its address space is gone); it has no regions. */
#define DAMON_SCHEMES_TARGET_EXITED _BITUL(0)
/* Others map its memory (MMU notifiers, as KVM has): accesses may go unseen. */
#define DAMON_SCHEMES_TARGET_UNSEEN_ACCESSES _BITUL(1)
/* It runs a program now that the session may not watch, or another one does. */
#define DAMON_SCHEMES_TARGET_DENIED _BITUL(2)

/**
 * struct damon_schemes_snapshot_target - one target in a snapshot
 * @id: as ADD_TARGET returned it.
 * @generation: which address space; grows by one at each exec.
 * @pid: in the namespace of who opened the device, 0 if it has none there.
 * @flags: DAMON_SCHEMES_TARGET_* bits.
 * @first_region: index of its first region record.
 * @nr_regions: its region records.
 */
struct damon_schemes_snapshot_target {
	__u64 id;
	__u64 generation;
	__s32 pid;
	__u32 flags;
	__u32 first_region;
	__u32 nr_regions;
};

/**
 * enum damon_schemes_kind - what maps a region
 * @DAMON_SCHEMES_KIND_ANY: not told apart.
 * @DAMON_SCHEMES_KIND_ANONYMOUS: private memory without a file, neither of the next two.
 * @DAMON_SCHEMES_KIND_HEAP: the heap of brk(2).
 * @DAMON_SCHEMES_KIND_STACK: the stack of the first thread.
 * @DAMON_SCHEMES_KIND_FILE: a file's, private or shared; what was written privately
 *	is no longer the file's, and yet is counted here.
 * @DAMON_SCHEMES_KIND_SHARED: shared memory without a file of a disk's (tmpfs, memfd,
 *	shared anonymous mappings).
 */
enum damon_schemes_kind {
	DAMON_SCHEMES_KIND_ANY = 0,
	DAMON_SCHEMES_KIND_ANONYMOUS = 1,
	DAMON_SCHEMES_KIND_HEAP = 2,
	DAMON_SCHEMES_KIND_STACK = 3,
	DAMON_SCHEMES_KIND_FILE = 4,
	DAMON_SCHEMES_KIND_SHARED = 5,
};

/* All of the region was looked at, entry by entry of its tables, in this interval. */
#define DAMON_SCHEMES_SEARCH_LOOKED 0x01
/* Something of it had been accessed in the interval in which it was looked at last. */
#define DAMON_SCHEMES_SEARCH_HIT 0x02
/* The level of that look, plus one: 1 pages, 2 entries of 2 MiB, 3 of 1 GiB; 0: none. */
#define DAMON_SCHEMES_SEARCH_LEVEL_SHIFT 2
#define DAMON_SCHEMES_SEARCH_LEVEL (3 << DAMON_SCHEMES_SEARCH_LEVEL_SHIFT)
/* All of it but a few borders was, and nothing had been accessed. */
#define DAMON_SCHEMES_SEARCH_IDLE 0x10

/**
 * struct damon_schemes_snapshot_region - one region in a snapshot
 * @start: first address.
 * @end: first address behind it.
 * @sampled: looks completed in the interval.  0: nothing is known of the region
 *	for this interval; its age stood still.
 * @accessed: looks that found the page accessed, at most @sampled.  Never 0
 *	where any look did.
 * @absent: looks that found no page mapped at the address, at most
 *	@sampled - @accessed.
 * @age: for how many aggregation intervals the region has been as it is now.
 *	The structure's first version ends here.
 * @kind: enum damon_schemes_kind; ANY unless the session has ATTR_MAPPINGS.
 * @search: DAMON_SCHEMES_SEARCH_* bits; 0 unless the session has ATTR_SEARCH.
 * @reserved: zero.
 */
struct damon_schemes_snapshot_region {
	__u64 start;
	__u64 end;
	__u32 sampled;
	__u32 accessed;
	__u32 absent;
	__u32 age;
	__u16 kind;
	__u16 search;
	__u32 reserved;
};

#define DAMON_SCHEMES_IOC_MAGIC 0xDA
/* The numbers, for those who take a command apart. */
#define DAMON_SCHEMES_NR_GET_FEATURES 0x10
#define DAMON_SCHEMES_NR_GET_ATTRS 0x11
#define DAMON_SCHEMES_NR_SET_ATTRS 0x12
#define DAMON_SCHEMES_NR_ADD_TARGET 0x13
#define DAMON_SCHEMES_NR_REMOVE_TARGET 0x14
#define DAMON_SCHEMES_NR_START 0x15
#define DAMON_SCHEMES_NR_STOP 0x16
#define DAMON_SCHEMES_NR_GET_STATS 0x17
#define DAMON_SCHEMES_NR_SCAN 0x18

#define DAMON_SCHEMES_GET_FEATURES                                        \
	_IOR(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_GET_FEATURES,      \
	     struct damon_schemes_features)
#define DAMON_SCHEMES_GET_ATTRS                                           \
	_IOR(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_GET_ATTRS,         \
	     struct damon_schemes_attrs)
#define DAMON_SCHEMES_SET_ATTRS                                           \
	_IOW(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_SET_ATTRS,         \
	     struct damon_schemes_attrs)
#define DAMON_SCHEMES_ADD_TARGET                                          \
	_IOWR(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_ADD_TARGET,       \
	      struct damon_schemes_target)
#define DAMON_SCHEMES_REMOVE_TARGET                                       \
	_IOW(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_REMOVE_TARGET,     \
	     struct damon_schemes_target)
/* START: EALREADY it runs. STOP: EALREADY it does not; regions and ages stay. */
#define DAMON_SCHEMES_START                                               \
	_IO(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_START)
#define DAMON_SCHEMES_STOP                                                \
	_IO(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_STOP)
#define DAMON_SCHEMES_GET_STATS                                           \
	_IOR(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_GET_STATS,         \
	     struct damon_schemes_stats)
#define DAMON_SCHEMES_SCAN                                                \
	_IOW(DAMON_SCHEMES_IOC_MAGIC, DAMON_SCHEMES_NR_SCAN,              \
	     struct damon_schemes_scan)

#endif /* _UAPI_DAMON_SCHEMES_H */
