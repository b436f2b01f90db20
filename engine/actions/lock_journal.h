// SPDX-License-Identifier: MIT
// What the engine holds locked, written down so that it can be undone after a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/actions/memlock_limit.h"
#include "engine/targets/process.h"
#include "engine/targets/process_identity.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

inline constexpr const char* default_lock_journal = "/run/damon-schemes/locks";

// A limit that was raised: put back only while it still is what it was raised to.
struct RaisedMemlock {
    MemlockLimit before;
    MemlockLimit after;
    bool operator==(const RaisedMemlock&) const = default;
};

// Of one target.
struct LockRecord {
    ProcessIdentity process;
    std::string name;    // comm
    std::string scheme;  // that locked it
    OnExit on_exit = OnExit::restore;
    std::vector<AddressRange> ranges;  // sorted, disjoint; what is about to be locked is among them
    std::optional<RaisedMemlock> raised;
    bool operator==(const LockRecord&) const = default;
};

// A journal as a file has it.
struct WrittenJournal {
    std::string boot;      // /proc/sys/kernel/random/boot_id
    std::int32_t pid = 0;  // of the engine that wrote it
    std::uint64_t start_ticks = 0;
    std::vector<LockRecord> records;
    bool operator==(const WrittenJournal&) const = default;
};
std::string journal_text(const WrittenJournal& journal);
// nullopt: it is not whole, or not one.
std::optional<WrittenJournal> parse_journal(std::string_view text);

// A folder with a file for each engine that holds something, each replaced as a whole.  Only its
// owner may write there, and that has to be root or whoever runs this: a forged journal would have
// us change other processes.  One thread at a time.
class LockJournal {
  public:
    // Makes the folder where it is not there.  Error (unsupported): it cannot be used.
    static Result<LockJournal> open(const std::string& folder, const std::string& proc = "/proc");
    // The same, but makes nothing.
    static Result<LockJournal> open_existing(const std::string& folder,
                                             const std::string& proc = "/proc");

    // Replaces what this process wrote; nothing to hold: no file.
    Result<void> write(const std::vector<LockRecord>& records);

    // What engines left that are no longer there.
    struct Left {
        std::string file;  // its name in the folder
        std::vector<LockRecord> records;
    };
    struct Survey {
        std::vector<Left> left;
        std::vector<std::string> refused;  // files that are not to be trusted or read, and why
        Bytes held_by_others;              // what engines that run hold
    };
    // Files of an earlier boot are removed: nothing of what they say is locked any more.
    Survey survey();
    // Replaces what an engine left, or removes it where there is nothing more.
    Result<void> replace(const Left& left);

    const std::string& folder() const { return path_; }
    // While it is held no other process takes over what engines left.  An open descriptor; closing
    // it lets go.
    Result<Descriptor> lock() const;

  private:
    LockJournal() = default;
    Result<void> put(const std::string& file, const WrittenJournal& journal);
    Result<WrittenJournal> get(const std::string& file) const;
    bool running(std::int32_t pid, std::uint64_t start_ticks) const;

    std::string path_;
    std::string proc_;
    Descriptor folder_;
    WrittenJournal own_;  // without records
};

}  // namespace damon_schemes
