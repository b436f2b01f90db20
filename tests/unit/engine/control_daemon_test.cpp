// SPDX-License-Identifier: MIT
// A daemon over monitors that see what a test says, on real processes that come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/control/daemon.h"
#include "schemes/policy/reader.h"
#include "tests/unit/engine/session_run.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using observed::cold;
using observed::mib;
using ::testing::Contains;
using testing::ExecutorScript;
using testing::fresh;
using ::testing::HasSubstr;
using testing::MonitorScript;
using testing::ScriptedExecutor;
using testing::ScriptedMonitor;

// No other process of this machine has it, nor one of another test that runs now.
std::string name_of_ours(char kind) {
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

std::unique_ptr<Program> program(char kind) {
    return std::make_unique<Program>(kind);
}

NamedPolicy policy(const std::string& file, const std::string& target, const std::string& scheme,
                   const std::string& more = "") {
    const std::string text = "version = 1\n" + more + "[[target]]\nname = \"" + target +
                             "\"\nall = true\n[[scheme]]\nname = \"" + scheme +
                             "\"\naction = \"pageout\"\nquota = \"off\"\n[limits]\nbrake = "
                             "\"off\"\nmin_free_swap = \"off\"\n";
    auto reading = read_policy(text, {file, {}});
    EXPECT_TRUE(reading.ok()) << (reading.ok() ? "" : to_string(reading.errors[0]));
    return {file, text, std::move(reading.policy)};
}

class DaemonTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto loop = make_event_loop(LoopKind::epoll);
        ASSERT_TRUE(loop) << loop.error().message;
        loop_ = std::move(*loop);
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
        daemon_ = std::make_unique<Daemon>(*loop_, std::move(parts));
        daemon_->on_finished = [this] {
            finished_ = true;
            loop_->stop();
        };
    }
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
    void run_until(const std::function<bool()>& stands) {
        const auto ticks = loop_->on_timer(1ms, true, [&] {
            if (stands()) loop_->stop();
        });
        ASSERT_TRUE(ticks);
        ASSERT_TRUE(loop_->run());
        loop_->forget(*ticks);
    }
    bool watches(std::size_t monitor, const Program& child) const {
        const auto& added = monitors_.at(monitor)->added;
        return std::find(added.begin(), added.end(), child.pid()) != added.end();
    }
    std::size_t targets(std::size_t which) const {
        return daemon_->status().policies.at(which).targets.size();
    }

    Bytes advised() const { return daemon_->status().policies.at(0).schemes.at(0).totals.advised; }

    std::unique_ptr<EventLoop> loop_;
    std::vector<std::shared_ptr<MonitorScript>> monitors_;
    std::vector<std::shared_ptr<ExecutorScript>> executors_;
    std::vector<std::string> said_;
    std::string refused_;
    bool may_act_ = true;
    bool finished_ = false;
    std::unique_ptr<Daemon> daemon_;
};

TEST_F(DaemonTest, watches_what_fits_as_it_comes_and_forgets_it_as_it_goes) {
    const auto before = program('a');
    const auto other = program('z');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *before); });
    const auto after = program('a');
    run_until([&] { return watches(0, *after); });
    EXPECT_FALSE(watches(0, *other));
    EXPECT_EQ(targets(0), 2U);
    EXPECT_EQ(daemon_->status().policies[0].targets[1].rule, std::optional<std::size_t>(0));
    before->kill();
    run_until([&] { return targets(0) == 1; });
    after->kill();
    run_until([&] { return targets(0) == 0; });
    EXPECT_FALSE(finished_);
}

TEST_F(DaemonTest, acts_by_the_first_policy_that_has_a_rule_for_a_process) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "first"),
                                    policy("b.toml", name_of_ours('a'), "second"))));
    run_until([&] { return watches(0, *child); });
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_EQ(executors_[0]->requests().at(0).pid, child->pid());
    EXPECT_TRUE(monitors_[1]->added.empty());
}

TEST_F(DaemonTest, a_reload_leaves_alone_what_has_not_changed) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    ASSERT_TRUE(daemon_->reload(list(policy("a.toml", name_of_ours('a'), "cold"),
                                     policy("b.toml", name_of_ours('b'), "cold"))));
    const auto late = program('b');
    run_until([&] { return monitors_.size() == 2 && watches(1, *late); });
    EXPECT_EQ(monitors_[0]->added.size(), 1U);
    EXPECT_TRUE(monitors_[0]->removed.empty());
    EXPECT_EQ(monitors_[0]->attributes.size(), 1U) << "it was not even told anew";
    EXPECT_EQ(executors_.size(), 2U);
}

TEST_F(DaemonTest, a_changed_policy_keeps_the_targets_that_still_fit) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    ASSERT_TRUE(daemon_->reload(list(policy("a.toml", name_of_ours('a'), "other"))));
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_EQ(monitors_.size(), 1U);
    EXPECT_EQ(monitors_[0]->added.size(), 1U);
    EXPECT_TRUE(monitors_[0]->removed.empty());
    EXPECT_TRUE(executors_[0]->requests().empty());
    EXPECT_EQ(executors_[1]->requests().at(0).scheme->name, "other");
}

TEST_F(DaemonTest, what_fits_no_rule_any_more_is_left_and_what_fits_another_moves) {
    const auto leaving = program('a');
    const auto moving = program('b');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('?'), "cold"),
                                    policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(0, *leaving) && watches(0, *moving); });
    ASSERT_TRUE(daemon_->reload(list(policy("a.toml", name_of_ours('c'), "cold"),
                                     policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(1, *moving); });
    // The first of its own policy's, whatever the others have.
    EXPECT_EQ(daemon_->status().policies[1].targets.at(0).rule, std::optional<std::size_t>(0));
    run_until([&] { return monitors_[0]->removed.size() == 2; });
    EXPECT_TRUE(alive(leaving->pidfd()));
    EXPECT_FALSE(watches(1, *leaving));
}

TEST_F(DaemonTest, a_policy_that_cannot_be_had_changes_nothing) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    refused_ = "bad";
    const auto reloaded = daemon_->reload(list(policy("a.toml", name_of_ours('a'), "other"),
                                               policy("b.toml", name_of_ours('b'), "bad")));
    ASSERT_FALSE(reloaded);
    EXPECT_THAT(reloaded.error().message, HasSubstr("b.toml"));
    ASSERT_EQ(daemon_->status().policies.size(), 1U);
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_EQ(executors_[0]->requests().at(0).scheme->name, "cold");
}

TEST_F(DaemonTest, what_may_not_act_here_observes_and_says_why) {
    may_act_ = false;
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    run_until([&] { return watches(0, *child); });
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until(
        [&] { return daemon_->status().policies.at(0).schemes.at(0).totals.matched.count > 0; });
    EXPECT_EQ(daemon_->status().policies.at(0).observing, "CAP_SYS_NICE is missing");
    EXPECT_THAT(said_, Contains(HasSubstr("a.toml: observes only: CAP_SYS_NICE is missing")));
    EXPECT_EQ(advised().count, 0U);
}

TEST_F(DaemonTest, a_policy_that_is_gone_ends) {
    const auto child = program('a');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"),
                                    policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(0, *child); });
    ASSERT_TRUE(daemon_->reload(list(policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return monitors_[0]->monitors == 0; });
    EXPECT_EQ(daemon_->status().policies.size(), 1U);
    EXPECT_TRUE(alive(child->pidfd()));
}

TEST_F(DaemonTest, where_one_monitor_fails_the_others_go_on) {
    const auto child = program('b');
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"),
                                    policy("b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return watches(1, *child); });
    monitors_[0]->waiting.emplace_back(Error{ErrorKind::runtime, "the device has gone", 0});
    run_until([&] { return daemon_->status().policies.size() == 1; });
    EXPECT_THAT(said_, Contains(HasSubstr("a.toml: stopped: the device has gone")));
    monitors_[1]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    // A process of the policy that failed is nobody's.
    const auto late = program('a');
    const auto until = std::chrono::steady_clock::now() + 100ms;
    run_until([&] { return std::chrono::steady_clock::now() >= until; });
    EXPECT_FALSE(watches(1, *late));
}

TEST_F(DaemonTest, what_could_not_be_watched_is_tried_again_and_told_once) {
    ASSERT_TRUE(daemon_->start(list(policy("a.toml", name_of_ours('a'), "cold"))));
    monitors_[0]->refuses_targets = Error{ErrorKind::runtime, "another session has it", EBUSY};
    const auto child = program('a');
    const auto told = [&] {
        return std::count_if(said_.begin(), said_.end(), [](const std::string& text) {
            return text.find("another session has it") != std::string::npos;
        });
    };
    run_until([&] { return told() > 0; });
    const auto until = std::chrono::steady_clock::now() + 100ms;
    run_until([&] { return std::chrono::steady_clock::now() >= until; });
    EXPECT_EQ(told(), 1);
    monitors_[0]->refuses_targets.reset();
    run_until([&] { return watches(0, *child); });
    EXPECT_EQ(targets(0), 1U);
}

TEST_F(DaemonTest, refuses_what_needs_no_process_and_what_it_cannot_undo) {
    NamedPolicy locking = policy("lock.toml", name_of_ours('a'), "hot");
    locking.policy.schemes[0].action = Action::mlock;
    const auto locks = daemon_->start(list(std::move(locking)));
    ASSERT_FALSE(locks);
    EXPECT_THAT(locks.error().message, HasSubstr("lock.toml: the daemon does not lock"));
    NamedPolicy aimless = policy("aimless.toml", name_of_ours('a'), "cold");
    aimless.policy.targets.clear();
    const auto targets = daemon_->reload(list(std::move(aimless)));
    ASSERT_FALSE(targets);
    EXPECT_THAT(targets.error().message, HasSubstr("[[target]]"));
    EXPECT_TRUE(monitors_.empty());
}

}  // namespace
}  // namespace damon_schemes
