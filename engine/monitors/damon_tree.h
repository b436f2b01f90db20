// SPDX-License-Identifier: MIT
// Mainline DAMON's files in sysfs, and the one kdamond there that is ours
// (Documentation/admin-guide/mm/damon/usage.rst).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/monitors/kdamond_setup.h"
#include "engine/monitors/kernel_files.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes {

// Writing nr_kdamonds deletes every kdamond that is there and is off, whoever set it up.  So it is
// written only where it reads 0, and to take our own away.  Everything else is reached through the
// folder that was there right after that, held open: where somebody writes nr_kdamonds anew,
// that folder is gone, and so is the way to what is another's now.
class DamonTree {
  public:
    // `folder`: /sys/kernel/mm/damon/admin.  `files` outlives it.
    DamonTree(KernelFiles& files, std::string folder);

    // How many are set up, running or not.  Errors (unsupported): this kernel has no such files, or
    // this user may not read them.
    Result<std::uint64_t> kdamonds() const;
    // Who is there, for people: "kdamond 0: off, vaddr, watching pid 42".  Only looks.
    std::string description() const;

    // Sets up one kdamond and nothing in it.  Errors: EBUSY there is one.
    Result<void> claim();
    // Takes the kdamond that is there for ours.  False: it is not the folder of that inode number.
    bool adopt(std::uint64_t inode);
    // The claimed folder's, which no other folder gets before the next boot in all likelihood.
    std::uint64_t inode() const { return inode_; }
    // Whether the folder that was claimed is still the only one.
    bool ours() const;

    // What it shows: exactly that set-up, or a part of it and what the kernel has first for the
    // rest.
    enum class Shown { all, part, other };
    Shown shown(const KdamondSetup& setup) const;

    Result<void> write(const KdamondSetup& setup);
    Result<bool> running() const;
    // Of the running kdamond.
    Result<std::int32_t> pid() const;
    // Waits for its first instruction.  EBUSY: another user of DAMON excludes all others; EINVAL: a
    // target is gone.
    Result<void> turn_on();
    // Waits for its end: for its pass, and so for the mmap locks of the targets.
    Result<void> turn_off();
    // A running kdamond takes over what was written after its aggregation interval, and keeps its
    // regions.  Waits for that.  It ends where a target is gone.
    Result<void> commit();
    // What a running kdamond's schemes have done so far is written into their files.  Waits for its
    // pass, and for the interval of its watermarks while it rests by them.
    Result<void> update_stats();
    // A number in a file of the kdamond's folder.
    Result<std::uint64_t> number_in(const std::string& path) const;
    // Deletes the claimed folder; nothing happens to it where it is no longer ours.
    Result<void> give_up();

  private:
    Result<std::string> read(const std::string& path) const;
    Result<void> put(const std::string& path, const std::string& text);
    bool shows(const std::string& path, const std::string& text) const;
    Result<void> hold();

    KernelFiles& files_;
    std::string folder_;  // of all
    Descriptor held_;     // ours
    std::string own_;     // its path, through the descriptor
    std::uint64_t inode_ = 0;
};

}  // namespace damon_schemes
