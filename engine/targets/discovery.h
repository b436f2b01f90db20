// SPDX-License-Identifier: MIT
// Which processes begin to fit rules, and which no longer do, as they come, change and go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/targets/process.h"
#include "engine/targets/target_rules.h"
#include "schemes/observation.h"
#include "schemes/policy/model.h"
#include "schemes/result.h"

namespace damon_schemes {

// Each look lists those of /proc that may be new, and reads few processes: the new ones, those that
// were new a moment ago (a process execs soon after its fork, and is moved to its cgroup), and of
// all others some, so that each has its turn.  So, with a look a second:
//
//   - a process is found at the first look at which it fits, within young_for of when it came;
//   - an old one that comes to fit, or no longer does, is noticed within 30 s: it exec'd, was moved
//     to another cgroup, or changed its user;
//   - one that only has too little in memory for `min_rss`, within 10 s of when it has enough; of
//     more than 450 such ones 50 are read in a second, so that of 1,000 each has a turn in 20 s;
//   - that a pid is another process's is noticed at the next look, for /proc/PID has another inode
//     then, and in any case when it is read again, by its start;
//   - a process whose pid was chosen for it (clone3(2), set_tid; CRIU does so), within whole_each.
//
// New pids are those that were given out since the last looks: the kernel gives them out upwards,
// and /proc/loadavg has the last one.  A listing of /proc that begins there costs little; one of
// 1,000 processes costs more than all the rest, so it is made once in whole_each, and where pids
// began anew, or a seek does not do what it does in procfs.
//
// Never found are kernel threads, zombies, what refusal() refuses, what belongs to units of the
// init system that all others need, and what runs our own executables (the canary, helpers).
//
// Belongs to one thread, which has to be able to wait: reading a process's cgroup takes a lock of
// the kernel's.
class Discovery {
  public:
    static constexpr Duration young_for = std::chrono::seconds(3);
    static constexpr Duration longest_unread = std::chrono::seconds(29);
    static constexpr Duration shortest_waiting = std::chrono::seconds(9);
    static constexpr Duration waiting_each = std::chrono::milliseconds(20);
    static constexpr Duration whole_each = std::chrono::seconds(10);

    struct Newcomer {
        std::int32_t pid = 0;
        std::uint64_t start_ticks = 0;  // the pid may be another's when it is used
        std::size_t rule = 0;           // its number in `rules`
    };
    struct Found {
        // Also one whose rule is another than before: it has its new one here, and is not unfit.
        std::vector<Newcomer> newcomers;
        // Found before, and alive, and no rule fits them any more.  What exited is left out: its
        // pidfd tells.  `min_rss` makes none unfit: what is paged out of it makes it smaller.
        std::vector<std::int32_t> unfit;
    };

    // What was found by rules that these replace, and by which of these it may stay, however small
    // it has become: those of the policy that has it.
    struct Kept {
        std::int32_t pid = 0;
        std::uint64_t start_ticks = 0;
        std::size_t first_rule = 0;
        std::size_t rules = 0;
    };
    // `rules` of several policies may stand one after another.  Errors: as of TargetRules::make()
    // and FactsReader::open().
    static Result<std::unique_ptr<Discovery>> make(const std::vector<TargetSelector>& rules,
                                                   const std::string& proc = "/proc",
                                                   const std::vector<Kept>& kept = {});

    // `now` never goes back.  The first look finds all that fit.
    Found look(Instant now);
    // How many processes were read in all looks, for measuring.
    std::uint64_t read() const { return read_; }

  private:
    struct Listed {
        std::int32_t pid = 0;
        std::uint64_t inode = 0;  // of /proc/PID
    };
    struct Known {
        Listed listed;
        std::uint64_t start_ticks = 0;
        Instant young_until{};
        Instant next_read{};
        std::optional<std::size_t> rule;  // that it was found by
        bool waits = false;               // fits but for its size
        bool has_turn = false;            // it is read once in a while, and next_read is its turn
        bool judged = false;
        bool spared = false;      // what the judgement was,
        std::string judged_name;  // when it had this name: another comes with an exec
    };
    Discovery(TargetRules rules, FactsReader reader, std::string proc);

    std::optional<std::int32_t> last_pid() const;
    bool list(Instant now);
    bool list_from(std::int32_t pid, std::int32_t last);
    void know(Instant now);
    void look_at(Known& known, Instant now, Found& found);
    std::optional<std::size_t> rule_now(const Known& known);
    std::optional<std::size_t> rule_kept();
    bool may_be_found(Known& known);
    bool is_spared();

    TargetRules rules_;
    FactsReader reader_;
    std::string proc_;
    Descriptor folder_;
    Descriptor loadavg_;
    std::string own_executable_;
    // The last pid of the latest three looks, the earliest first: what has its pid may be listed a
    // little later than it has it.
    std::array<std::int32_t, 3> last_pids_{};
    std::optional<std::int64_t> offset_;  // of a process's place in the folder from its pid
    Instant next_whole_{};
    bool whole_ = false;  // `listing_` has all there is
    // Used again in each look.
    std::vector<char> buffer_;
    std::vector<Listed> listing_;
    std::map<std::int32_t, Kept> kept_;  // by pid; until they are read
    std::vector<Known> known_;           // sorted by pid
    std::vector<Known> next_;
    ProcessFacts facts_;
    ProcessFacts again_;
    std::int64_t waiting_ = 0;
    std::uint64_t read_ = 0;
};

// Held by a pidfd; nullopt: it has exited, and the pid may be another process's.
std::optional<Process> open_newcomer(const Discovery::Newcomer& newcomer,
                                     const std::string& proc = "/proc");

}  // namespace damon_schemes
