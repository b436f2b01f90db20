// SPDX-License-Identifier: MIT
// What was done, action by action, for those who have to answer for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/actions/executor.h"
#include "engine/control/line_budget.h"
#include "engine/events/actors.h"
#include "engine/session/session.h"
#include "engine/targets/process.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

// All ranges of one scheme in one target that were acted on together.
struct AuditEntry {
    std::string policy;
    std::string scheme;
    std::string action;    // "unlock" where a lock was taken back
    std::int32_t pid = 0;  // 0: the target is known no more
    std::string target;
    std::size_t ranges = 0;
    AddressRange all;  // from the lowest address to the highest
    Bytes asked;
    Bytes advised;
    Bytes paged_out;
    Bytes confirmed;
    std::vector<std::pair<std::string, Bytes>> gaps;  // why the rest was not; those that there are
    int last_errno = 0;
    Duration spent{};
};
AuditEntry audit_entry(const std::string& policy, const Session::Batch& batch);

// {"time" (UTC, ISO 8601), "policy", "scheme", "action", "pid", "target", "ranges", "first",
// "last", "asked_bytes", "advised_bytes", "paged_out_bytes", "confirmed_bytes", "gaps_bytes":
// {reason: bytes}, "errno" (null: none), "spent_ns"}.
std::string audit_json(const AuditEntry& entry, std::chrono::system_clock::time_point time);
// "web.toml: cold, pageout of nginx (100): 3 ranges in 0x7f…-0x7f…, 4.0 MiB asked for, …".
std::string audit_words(const AuditEntry& entry);

// Lines to a file that grows, or to a log.  What is more than so many a second is left out, and how
// many were is a line of its own, {"time", "left_out"}.  Belongs to the loop's thread; a file is
// written on a thread of its own, as a disk may be slow.
class Audit {
  public:
    static constexpr std::int64_t file_lines_a_second = 200;
    static constexpr std::int64_t most_file_lines_at_once = 2000;

    // On the thread that writes: a line could not be written after one could, or none before, or
    // the file not be opened anew.
    using Failed = std::function<void(const Error&)>;

    // Errors (usage): the file cannot be opened (O_APPEND; made with mode 0640).  Lines that cannot
    // be written are counted as left out.
    static Result<std::unique_ptr<Audit>> to_file(const std::string& path, Failed failed);
    // `write` gets lines of audit_words().
    static std::unique_ptr<Audit> to_log(std::function<void(const std::string&)> write);
    ~Audit();
    Audit(const Audit&) = delete;
    Audit& operator=(const Audit&) = delete;

    void write(const AuditEntry& entry);
    // The file was moved away (logrotate): a new one of its name, or, where that cannot be had, the
    // old one still.
    void reopen();

  private:
    struct File;
    Audit(std::shared_ptr<File> file, std::function<void(const std::string&)> log,
          LineBudget budget);
    bool put(const AuditEntry& entry);
    void tell_left_out(std::uint64_t lines);
    bool append(std::string line, std::uint64_t entries);

    std::shared_ptr<File> file_;  // null: to the log
    std::function<void(const std::string&)> log_;
    LineBudget budget_;
    std::uint64_t not_taken_ = 0;  // by the thread that writes
    Actors writing_;
};

}  // namespace damon_schemes
