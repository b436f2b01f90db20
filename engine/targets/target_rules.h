// SPDX-License-Identifier: MIT
// What a policy's [[target]] tables ask of a process, and whether it is like that.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/targets/process.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

struct ProcessFacts {
    std::int32_t pid = 0;
    std::uint64_t start_ticks = 0;  // since boot
    std::string name;               // comm
    Bytes rss;
    // Where they are asked for:
    std::string executable;  // its path; empty: it cannot be read
    std::uint32_t uid = 0;   // the effective one
    std::string cgroup;      // of cgroup v2, from our root on; empty: in none that we can reach
};

// What is read besides /proc/PID/stat.
struct AskedFacts {
    bool executable = false;
    bool user = false;
    bool cgroup = false;
};

// The innermost unit of systemd's in a cgroup's path, without the underscore that systemd puts
// before names that the kernel has a use for; empty: there is none.
std::string_view unit_of(std::string_view cgroup);

// Belongs to one thread; `selectors` of several policies may stand one after another.
class TargetRules {
  public:
    // Errors (usage): a user that this machine does not know.
    static Result<TargetRules> make(const std::vector<TargetSelector>& selectors);

    // The first selector that fits, by its number; nullopt: none does.  A plain name fits every
    // process of it.
    std::optional<std::size_t> rule_of(const ProcessFacts& facts) const;
    // Whether this one fits, however little the process has in memory.
    bool fits_but_for_size(std::size_t rule, const ProcessFacts& facts) const;
    // Whether any would if the process only grew.
    bool could_fit(const ProcessFacts& facts) const;
    const AskedFacts& asks() const { return asks_; }

  private:
    struct Rule {
        TargetSelector selector;
        std::optional<std::uint32_t> uid;
    };
    TargetRules() = default;

    std::vector<Rule> rules_;
    AskedFacts asks_;
};

// Reads facts without allocating, but where a text is longer than any before.  Belongs to one
// thread.
class FactsReader {
  public:
    // `proc` is where procfs is mounted.  Errors (runtime): there is no such folder.
    static Result<FactsReader> open(const std::string& proc);

    // False: it has exited (a zombie has), is a kernel thread, or cannot be read; nothing is said
    // by `facts` then.  The pid may be reused while it is read: who minds reads again, and compares
    // the start.
    bool read(std::int32_t pid, const AskedFacts& asked, ProcessFacts& facts);

  private:
    FactsReader() = default;
    std::string_view text_of(std::int32_t pid, const char* file);
    void read_executable(std::int32_t pid, std::string& path);

    Descriptor proc_;
    std::vector<char> buffer_;
};

}  // namespace damon_schemes
