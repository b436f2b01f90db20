// SPDX-License-Identifier: MIT
// What an engine set up in the kernel's own DAMON, written down before it does so: whoever starts
// after one that was killed knows by it what was left behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/monitors/kdamond_setup.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes {

struct MainlineRecord {
    std::string boot_id;
    std::int32_t owner = 0;         // pid of the engine
    std::uint64_t owner_start = 0;  // its start_ticks
    std::string instance;           // name of its trace buffer
    std::uint64_t inode = 0;        // of the kdamond's folder in sysfs; 0: not claimed yet
    std::int32_t kdamond = 0;       // pid of the kernel thread; 0: not started yet
    KdamondSetup setup;

    bool operator==(const MainlineRecord&) const = default;
};

// nullopt: not the text of one.
std::optional<MainlineRecord> parse_record(const std::string& text);
std::string text_of(const MainlineRecord& record);

// `folder` with the record, locked: one engine at a time sets up a kdamond.  The lock ends with the
// process, however it ends; the record stays until it is removed.
class RecordKeeper {
  public:
    // Makes the folder where it is missing.  Errors: (unsupported) EWOULDBLOCK another engine holds
    // it, whose pid is named; EACCES this user may not.
    static Result<RecordKeeper> lock(const std::string& folder);

    // nullopt: there is none that can be read.
    std::optional<MainlineRecord> read() const;
    // The old one, or the new one, is there at any moment.
    Result<void> write(const MainlineRecord& record);
    void remove();

  private:
    RecordKeeper(std::string folder, Descriptor lock);
    std::string folder_;
    Descriptor lock_;
};

// Without the lock, for those who only look.
std::optional<MainlineRecord> read_record(const std::string& folder);

}  // namespace damon_schemes
