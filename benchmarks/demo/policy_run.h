// SPDX-License-Identifier: MIT
// `damon-schemes apply` as a child: a policy at work on one process, and what it says at its end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes::demo {

struct PolicyCommand {
    std::string program = "damon-schemes";  // searched in PATH
    std::string policy;                     // a file
    std::vector<std::string> settings;      // KEY=VALUE each, over the policy's
};
// As a person would type it, for that pid; cut into lines of at most `width` columns.
std::string typed(const PolicyCommand& command, std::int32_t pid, std::size_t width);

class PolicyRun {
  public:
    enum class Show { status_and_heatmap, nothing };

    // Starts it; its status line and its complaints go to our stderr.
    static Result<PolicyRun> start(const PolicyCommand& command, std::int32_t pid, Show show);
    // Kills it if finish() was not called.
    ~PolicyRun();
    PolicyRun(PolicyRun&& other) noexcept;
    PolicyRun& operator=(PolicyRun&&) = delete;

    bool running();
    // Waits until it has proved that its monitor sees, and so may act.  An error: it ended, or that
    // took too long.
    Result<void> wait_until_acting();
    // CPU time of the engine's process so far, and of the module's monitoring threads (those of all
    // sessions on this machine): nullopt where there is none.
    std::optional<Duration> engine_time() const;
    static std::optional<Duration> monitoring_time();

    // Ends it as ^C does, waits for it, and returns its summary (engine/reports/summary.h).  An
    // error where it failed, or did not act: its reason is in the message.
    Result<nlohmann::json> finish();

  private:
    PolicyRun(pid_t pid, Descriptor output) : pid_(pid), output_(std::move(output)) {}
    bool reap(bool wait);

    pid_t pid_ = -1;     // -1: reaped
    int status_ = 0;     // as waitpid() gave it
    Descriptor output_;  // an unlinked file that takes its stdout
};

}  // namespace damon_schemes::demo
