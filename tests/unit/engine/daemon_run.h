// SPDX-License-Identifier: MIT
// A daemon over monitors that see what a test says, on real processes that come and go.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/control/daemon.h"
#include "schemes/policy/reader.h"
#include "tests/unit/engine/session_run.h"

namespace damon_schemes::testing {

// No other process of this machine has it, nor one of another test that runs now.
inline std::string name_of_ours(char kind) {
    return std::string("ds") + kind + std::to_string(::getpid());
}

// A program of that name that sleeps.  What runs the daemon's own executable is never a target, so
// that it is no fork of the test.
class Program {
  public:
    explicit Program(char kind)
        : file_(std::filesystem::temp_directory_path() / name_of_ours(kind)),
          command_(started(file_)) {}
    ~Program() { kill(); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    std::int32_t pid() const { return command_.process().pid; }
    int pidfd() const { return command_.process().pidfd.get(); }
    void kill() {
        if (dead_) return;
        dead_ = true;
        command_.send(SIGKILL);
        while (!command_.poll_exit()) ::usleep(1000);
    }

  private:
    static ChildCommand started(const std::filesystem::path& file) {
        std::filesystem::copy_file("/bin/sleep", file,
                                   std::filesystem::copy_options::overwrite_existing);
        auto command = ChildCommand::start({file, "1000"});
        if (!command) throw std::runtime_error(command.error().message);
        if (auto released = command->release(); !released)
            throw std::runtime_error(released.error().message);
        std::filesystem::remove(file);
        return std::move(*command);
    }

    std::filesystem::path file_;
    ChildCommand command_;
    bool dead_ = false;
};

inline std::unique_ptr<Program> program(char kind) {
    return std::make_unique<Program>(kind);
}

inline NamedPolicy policy_of_text(const std::string& file, const std::string& text) {
    auto reading = read_policy(text, {file, {}});
    EXPECT_TRUE(reading.ok()) << (reading.ok() ? "" : to_string(reading.errors[0]));
    return {file, text, std::move(reading.policy)};
}

inline NamedPolicy policy(const std::string& file, const std::string& target,
                          const std::string& scheme, const std::string& more = "") {
    return policy_of_text(file, "version = 1\n" + more + "[[target]]\nname = \"" + target +
                                    "\"\nall = true\n[[scheme]]\nname = \"" + scheme +
                                    "\"\naction = \"pageout\"\nquota = \"off\"\n[limits]\nbrake = "
                                    "\"off\"\nmin_free_swap = \"off\"\n");
}

class DaemonTest : public LoopTest {
  protected:
    void SetUp() override {
        LoopTest::SetUp();
        Daemon::Parts parts;
        parts.open_monitor = [this]() -> Result<std::unique_ptr<Monitor>> {
            monitors_.push_back(std::make_shared<MonitorScript>());
            return std::unique_ptr<Monitor>(std::make_unique<ScriptedMonitor>(monitors_.back()));
        };
        parts.make_executor = [this](const Policy& made) -> Result<std::unique_ptr<Executor>> {
            if (made.schemes[0].name == refused_)
                return Error{ErrorKind::unsupported, "not on this kernel", 0};
            executors_.push_back(std::make_shared<ExecutorScript>());
            return std::unique_ptr<Executor>(std::make_unique<ScriptedExecutor>(executors_.back()));
        };
        parts.prove_sight = false;
        parts.may_act = [this]() -> Result<void> {
            if (may_act_) return {};
            return Error{ErrorKind::unsupported, "CAP_SYS_NICE is missing", 0};
        };
        parts.say = [this](Daemon::Level, const std::string& text) { said_.push_back(text); };
        parts.look_interval = 10ms;
        parts.retry_interval = 10ms;
        prepare(parts);
        daemon_ = std::make_unique<Daemon>(*loop_, std::move(parts));
        daemon_->on_finished = [this] {
            finished_ = true;
            loop_->stop();
        };
    }
    // What a test has otherwise.
    virtual void prepare(Daemon::Parts&) {}
    void TearDown() override {
        if (finished_) return;
        daemon_->finish("enough");
        if (!finished_) {
            ASSERT_TRUE(loop_->run());
        }
        EXPECT_TRUE(finished_);
    }
    template <typename... Named>
    static std::vector<NamedPolicy> list(Named... named) {
        return {std::move(named)...};
    }
    bool watches(std::size_t monitor, const Program& child) const {
        const auto& added = monitors_.at(monitor)->added;
        return std::find(added.begin(), added.end(), child.pid()) != added.end();
    }
    std::size_t targets(std::size_t which) const {
        return daemon_->status().policies.at(which).targets.size();
    }

    Bytes advised() const { return daemon_->status().policies.at(0).schemes.at(0).totals.advised; }

    std::vector<std::shared_ptr<MonitorScript>> monitors_;
    std::vector<std::shared_ptr<ExecutorScript>> executors_;
    std::vector<std::string> said_;
    std::string refused_;
    bool may_act_ = true;
    bool finished_ = false;
    std::unique_ptr<Daemon> daemon_;
};

}  // namespace damon_schemes::testing
