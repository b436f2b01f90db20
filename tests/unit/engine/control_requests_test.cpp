// SPDX-License-Identifier: MIT
// What a daemon is told over its socket, and what comes of it; processes are real, and what procfs
// says of them is a test's.
#include "engine/control/control_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/reports/daemon_status.h"
#include "tests/unit/engine/daemon_run.h"
#include "tests/unit/engine/laid_out_folder.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using observed::cold;
using observed::mib;
using ::testing::Contains;
using testing::DaemonTest;
using testing::fresh;
using ::testing::HasSubstr;
using testing::LaidOutFolder;
using testing::name_of_ours;
using testing::policy;
using testing::policy_of_text;
using testing::Program;
using testing::program;
using testing::StatLine;

class ControlRequestsTest : public DaemonTest {
  protected:
    void prepare(Daemon::Parts& parts) override {
        parts.explain_patience = patience_;
        parts.audit = [this](const AuditEntry& entry) { audited_.push_back(entry); };
    }
    void SetUp() override {
        DaemonTest::SetUp();
        requests_ = std::make_unique<ControlRequests>(
            *daemon_, [this] { return reload_; },
            [this](Daemon::Level, const std::string& text) { said_.push_back(text); });
    }
    // nullopt: it is still to come.
    std::shared_ptr<std::optional<json>> asked(const json& request) {
        auto answer = std::make_shared<std::optional<json>>();
        requests_->answer(request.is_string() ? request.get<std::string>() : request.dump(),
                          {4711, 1000}, [answer](const std::string& line) {
                              EXPECT_FALSE(answer->has_value()) << "answered twice";
                              *answer = json::parse(line);
                          });
        return answer;
    }
    json ask(json fields) {
        fields["version"] = answer_version;
        const auto answer = asked(fields);
        EXPECT_TRUE(answer->has_value()) << fields;
        return answer->value_or(json());
    }
    std::string done(json fields) {
        const json answer = ask(std::move(fields));
        EXPECT_EQ(answer["ok"], true) << answer;
        return answer.value("done", std::string());
    }
    std::string refused(json fields) {
        const json answer = ask(std::move(fields));
        EXPECT_EQ(answer["ok"], false) << answer;
        return answer.value("error", std::string());
    }
    json status() { return ask({{"command", "status"}})["status"]; }
    void start_one() {
        child_ = program('a');
        ASSERT_TRUE(daemon_->start(list(policy("/etc/x/10-a.toml", name_of_ours('a'), "cold"))));
        run_until([&] { return watches(0, *child_); });
    }
    Duration patience_ = 30s;
    std::vector<AuditEntry> audited_;
    Result<void> reload_;
    std::unique_ptr<Program> child_;
    std::unique_ptr<ControlRequests> requests_;
};

TEST_F(ControlRequestsTest, what_is_no_request_is_refused_with_the_reason) {
    for (const char* line : {"", "{", "[]", "7", R"({"command": 1})"})
        EXPECT_THAT((*asked(json(line)))->at("error").get<std::string>(),
                    HasSubstr("a request is a line such as"))
            << line;
    EXPECT_THAT((**asked({{"version", 2}, {"command", "status"}}))["error"].get<std::string>(),
                HasSubstr("speaks version 1"));
    EXPECT_THAT(
        refused({{"command", "burn"}}),
        HasSubstr("there are status, explain, reload, pause, resume, release and set-goal"));
    EXPECT_THAT(refused({{"command", "status"}, {"pid", 1}}), HasSubstr("has no field 'pid'"));
    EXPECT_THAT(refused({{"command", "pause"}, {"time", 1}}),
                HasSubstr("has no field 'time': it has policy, pid and for_ns"));
    EXPECT_THAT(refused({{"command", "pause"}, {"policy", "a"}, {"pid", 7}}),
                HasSubstr("name one"));
    for (const json& pid : {json(0), json(-1), json(1.5), json("1"), json(1ULL << 63U), json(true)})
        EXPECT_THAT(refused({{"command", "resume"}, {"pid", pid}}),
                    HasSubstr("'pid' has to be a whole number"));
    for (const json& time : {json(0), json(999'999'999), json(UINT64_MAX), json("10min")})
        EXPECT_THAT(refused({{"command", "pause"}, {"for_ns", time}}),
                    HasSubstr("'for_ns' has to be a whole number from 1000000000"));
    EXPECT_THAT(refused({{"command", "pause"}, {"policy", ""}}), HasSubstr("a text of 1 to 1024"));
    EXPECT_THAT(refused({{"command", "release"}, {"force", 1}}), HasSubstr("true or false"));
    EXPECT_THAT(refused({{"command", "set-goal"}, {"policy", "a"}, {"value", 1}}),
                HasSubstr("takes a 'policy' and a 'scheme'"));
    EXPECT_THAT(refused({{"command", "set-goal"}, {"policy", "a"}, {"scheme", "b"}}),
                HasSubstr("either a 'value', or 'clear'"));
    EXPECT_THAT(refused({{"command", "explain"}}), HasSubstr("takes a 'pid'"));
    EXPECT_THAT(refused({{"command", "explain"}, {"pid", 1}, {"address", "xyz"}}),
                HasSubstr("is no address"));
    EXPECT_TRUE(said_.empty()) << "nothing was changed";
}

TEST_F(ControlRequestsTest, a_reload_is_told_with_who_asked_and_what_came_of_it) {
    EXPECT_EQ(ask({{"command", "reload"}})["ok"], true);
    EXPECT_THAT(said_, Contains("told to reload by process 4711 of user 1000"));
    reload_ = Error{ErrorKind::policy, "x.toml:3:1: unknown key", 0};
    EXPECT_THAT(refused({{"command", "reload"}}), HasSubstr("x.toml:3:1"));
}

TEST_F(ControlRequestsTest, paused_it_decides_and_acts_on_nothing_until_it_is_resumed) {
    start_one();
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_THAT(done({{"command", "pause"}}), HasSubstr("paused everything until it is resumed"));
    EXPECT_THAT(said_, Contains("told to pause by process 4711 of user 1000"));
    EXPECT_THAT(said_, Contains("pause: paused everything until it is resumed"));
    EXPECT_EQ(status()["paused"]["by_uid"], 1000);
    monitors_[0]->waiting.emplace_back(fresh({cold(8, 12)}));
    run_until([&] {
        return status()["policies"][0]["schemes"][0]["held_back_bytes"].value("paused", 0U) ==
               4 * mib;
    });
    EXPECT_EQ(advised(), Bytes{4 * mib});
    EXPECT_THAT(done({{"command", "resume"}}), HasSubstr("resumed everything: 1 pause has ended"));
    EXPECT_TRUE(status()["paused"].is_null());
    monitors_[0]->waiting.emplace_back(fresh({cold(8, 12)}));
    run_until([&] { return advised() == Bytes{8 * mib}; });
    EXPECT_EQ(refused({{"command", "resume"}}), "nothing was paused");
    EXPECT_THAT(said_, Contains("resume: the daemon refused: nothing was paused"));
}

TEST_F(ControlRequestsTest, a_pause_stops_what_is_under_way) {
    start_one();
    executors_[0]->hold();
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return !executors_[0]->requests().empty(); });
    // The call goes on until it is cancelled; what it did until then is told.
    (void)done({{"command", "pause"}, {"pid", child_->pid()}});
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_EQ(status()["policies"][0]["targets"][0]["paged_out_bytes"], 4 * mib);
}

TEST_F(ControlRequestsTest, a_policy_and_a_target_are_paused_apart_and_through_a_reload) {
    start_one();
    EXPECT_THAT(done({{"command", "pause"}, {"policy", "10-a"}, {"for_ns", 600'000'000'000}}),
                HasSubstr("paused /etc/x/10-a.toml for 10 min"));
    (void)done({{"command", "pause"}, {"pid", child_->pid()}});
    ASSERT_TRUE(daemon_->reload(list(policy("/etc/x/10-a.toml", name_of_ours('a'), "other"))));
    EXPECT_TRUE(status()["paused"].is_null());
    const json now = status()["policies"][0];
    EXPECT_GT(now["paused"]["left_ns"], 500'000'000'000);
    EXPECT_TRUE(now["targets"][0]["paused"]["left_ns"].is_null());
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    const auto held = [&] {
        return status()["policies"][0]["schemes"][0]["held_back_bytes"].value("paused", 0U);
    };
    run_until([&] { return held() == 4 * mib; });
    // Each is one reason of its own.
    EXPECT_THAT(done({{"command", "resume"}, {"policy", "/etc/x/10-a.toml"}}),
                HasSubstr("resumed"));
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 2)}));
    run_until([&] { return held() == 2 * mib; });
    (void)done({{"command", "resume"}, {"pid", child_->pid()}});
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
    EXPECT_THAT(refused({{"command", "resume"}, {"pid", child_->pid()}}),
                HasSubstr("was not paused by itself"));
}

TEST_F(ControlRequestsTest, a_policy_that_comes_while_all_is_paused_is_paused) {
    start_one();
    (void)done({{"command", "pause"}});
    const auto late = program('b');
    ASSERT_TRUE(daemon_->reload(list(policy("/etc/x/10-a.toml", name_of_ours('a'), "cold"),
                                     policy("/etc/x/20-b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return monitors_.size() == 2 && watches(1, *late); });
    monitors_[1]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] {
        return status()["policies"][1]["schemes"][0]["held_back_bytes"].value("paused", 0U) ==
               4 * mib;
    });
    EXPECT_TRUE(executors_[1]->requests().empty());
}

TEST_F(ControlRequestsTest, a_pause_with_a_time_ends_by_itself_and_is_told) {
    start_one();
    (void)done({{"command", "pause"}, {"for_ns", 1'000'000'000}});
    EXPECT_FALSE(status()["paused"].is_null());
    run_until([&] {
        return std::find(said_.begin(), said_.end(), "the pause of everything has ended") !=
               said_.end();
    });
    EXPECT_TRUE(status()["paused"].is_null());
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] { return advised() == Bytes{4 * mib}; });
}

TEST_F(ControlRequestsTest, who_is_not_there_cannot_be_paused) {
    start_one();
    EXPECT_THAT(refused({{"command", "pause"}, {"pid", 1}}), HasSubstr("process 1 is not watched"));
    EXPECT_THAT(refused({{"command", "pause"}, {"policy", "web"}}),
                HasSubstr("no policy 'web' at work; there are: /etc/x/10-a.toml"));
    EXPECT_THAT(refused({{"command", "release"}}), HasSubstr("nothing of that is in swap"));
    ASSERT_TRUE(daemon_->reload(list(policy("/etc/x/10-a.toml", name_of_ours('a'), "cold"),
                                     policy("/etc/y/10-a.toml", name_of_ours('b'), "cold"))));
    EXPECT_THAT(refused({{"command", "pause"}, {"policy", "10-a"}}),
                HasSubstr("may be any of 2 policies"));
}

TEST_F(ControlRequestsTest, the_next_decision_is_explained_to_all_who_wait_and_not_carried_out) {
    start_one();
    const json request{
        {"version", 1}, {"command", "explain"}, {"pid", child_->pid()}, {"format", "text"}};
    const auto first = asked(request);
    auto of_address = request;
    of_address["format"] = "json";
    of_address["address"] = "0x100000";
    const auto second = asked(of_address);
    of_address["address"] = "0xfff0000000000";
    const auto outside = asked(of_address);
    EXPECT_FALSE(first->has_value()) << "no snapshot has come yet";
    auto other = observed::target(7, {cold(0, 64)});
    monitors_[0]->waiting.emplace_back(
        fresh(std::vector{observed::target(1, {cold(0, 4)}), other}));
    run_until([&] { return first->has_value() && second->has_value() && outside->has_value(); });
    EXPECT_THAT((**first)["text"].get<std::string>(), HasSubstr("would act on"));
    EXPECT_THAT((**first)["text"].get<std::string>(), HasSubstr("4.0 MiB"))
        << "not what the other target has";
    EXPECT_EQ((**second)["ok"], true) << **second;
    EXPECT_TRUE((**second)["decision"].is_object()) << **second;
    EXPECT_THAT((**outside)["error"].get<std::string>(), HasSubstr("no region holds 0xfff"));
    EXPECT_EQ(advised(), Bytes{});
    // What was explained is planned soon after.
    run_until([&] {
        if (monitors_[0]->waiting.empty()) monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
        return advised() == Bytes{4 * mib};
    });
}

class ImpatientRequestsTest : public ControlRequestsTest {
  protected:
    ImpatientRequestsTest() { patience_ = 10ms; }
};

TEST_F(ImpatientRequestsTest, without_a_snapshot_nothing_is_explained_and_it_says_so) {
    start_one();
    const json request{{"version", 1}, {"command", "explain"}, {"pid", child_->pid()}};
    const auto first = asked(request);
    const auto second = asked(request);
    run_until([&] { return first->has_value() && second->has_value(); });
    EXPECT_THAT((**first)["error"].get<std::string>(), HasSubstr("no snapshot came within"));
    EXPECT_EQ((**first), (**second));
    EXPECT_THAT(refused({{"command", "explain"}, {"pid", 1}}), HasSubstr("is not watched"));
}

TEST_F(ControlRequestsTest, who_waits_for_a_policy_that_ends_is_told) {
    start_one();
    const auto waiting = asked({{"version", 1}, {"command", "explain"}, {"pid", child_->pid()}});
    ASSERT_TRUE(daemon_->reload(list(policy("/etc/x/20-b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return waiting->has_value(); });
    EXPECT_THAT((**waiting)["error"].get<std::string>(), HasSubstr("its policy has ended"));
}

TEST_F(ControlRequestsTest, each_action_is_told_once_with_what_it_came_to) {
    start_one();
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4), cold(6, 8)}));
    run_until([&] { return !audited_.empty() && advised() == Bytes{6 * mib}; });
    ASSERT_EQ(audited_.size(), 1U);
    const AuditEntry& entry = audited_[0];
    EXPECT_EQ(entry.policy, "/etc/x/10-a.toml");
    EXPECT_EQ(entry.scheme, "cold");
    EXPECT_EQ(entry.action, "pageout");
    EXPECT_EQ(entry.pid, child_->pid());
    EXPECT_EQ(entry.target, name_of_ours('a'));
    EXPECT_EQ(entry.ranges, 2U);
    EXPECT_EQ(entry.all, (AddressRange{0, 8 * mib}));
    EXPECT_EQ(entry.asked, Bytes{6 * mib});
    EXPECT_EQ(entry.paged_out, Bytes{6 * mib});
    EXPECT_GT(entry.spent, Duration::zero());
}

// Figures ---------------------------------------------------------------------------------------

TEST_F(ControlRequestsTest, a_figure_that_is_told_stands_in_for_the_file_until_it_is_taken_back) {
    const LaidOutFolder folder{{"p99", "5\n"}, {"other", "5\n"}};
    const std::string file = folder.path() + "/p99";
    const auto goal = [&](const std::string& name) {
        return "[[scheme.quota.goal]]\nmetric = \"figure\"\nfile = \"" + folder.path() + "/" +
               name + "\"\ntarget = 10\n";
    };
    const auto text = [&](const std::string& goals) {
        return "version = 1\n[[target]]\nname = \"" + name_of_ours('a') +
               "\"\nall = true\n[[scheme]]\nname = \"cold\"\naction = \"pageout\"\n"
               "[scheme.quota]\nbytes = \"1GiB\"\ntime = \"off\"\n" +
               goals + "[limits]\nbrake = \"off\"\nmin_free_swap = \"off\"\nguard = \"off\"\n";
    };
    child_ = program('a');
    ASSERT_TRUE(daemon_->start(list(policy_of_text("/etc/x/10-a.toml", text(goal("p99"))))));
    run_until([&] { return watches(0, *child_); });
    const json request{{"command", "set-goal"}, {"policy", "10-a"}, {"scheme", "cold"}};
    const auto with = [&](const char* key, const json& value) {
        json changed = request;
        changed[key] = value;
        return changed;
    };
    const auto current = [&]() -> double {
        const auto answer = asked({{"version", 1}, {"command", "explain"}, {"pid", child_->pid()}});
        monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
        run_until([&] { return answer->has_value(); });
        const json& goals = (**answer)["decision"]["schemes"][0]["controls"]["goals"];
        return goals.at(0).value("current", json()).is_number() ? goals[0]["current"].get<double>()
                                                                : -1;
    };
    // The file is read on another thread, now and then.
    const auto comes_to = [&](double figure) {
        for (int look = 0; look < 10'000; ++look) {
            if (current() == figure) return true;
            int ticks = 0;
            run_until([&] { return ++ticks > 5; });
        }
        return false;
    };
    EXPECT_TRUE(comes_to(5));
    EXPECT_THAT(done(with("value", 12.5)), HasSubstr("12.5 counts in place of what " + file));
    EXPECT_EQ(current(), 12.5);
    // Also once the file has been read again.
    folder.lay("p99", "7\n");
    for (int look = 0; look < 3; ++look) EXPECT_EQ(current(), 12.5);
    EXPECT_THAT(done(with("clear", true)), HasSubstr("counts again"));
    EXPECT_TRUE(comes_to(7));

    EXPECT_THAT(
        refused({{"command", "set-goal"}, {"policy", "10-a"}, {"scheme", "x"}, {"value", 1}}),
        HasSubstr("has no scheme 'x'; there are: cold"));
    json wrong_file = with("value", 1);
    wrong_file["file"] = "/nowhere";
    EXPECT_THAT(refused(wrong_file), HasSubstr("that is kept in /nowhere"));
    (void)done(with("value", 3));
    ASSERT_TRUE(daemon_->reload(
        list(policy_of_text("/etc/x/10-a.toml", text(goal("p99") + goal("other"))))));
    EXPECT_TRUE(comes_to(7));
    EXPECT_THAT(refused(with("value", 1)), HasSubstr("name the file of one with --file"));
    ASSERT_TRUE(daemon_->reload(list(policy_of_text("/etc/x/10-a.toml", text("")))));
    EXPECT_THAT(refused(with("value", 1)), HasSubstr("no quota goal with the metric \"figure\""));
}

// Memory brought back ---------------------------------------------------------------------------

// /proc of files: what a process has in swap, and the machine's memory.
class ReleaseTest : public ControlRequestsTest {
  protected:
    void SetUp() override {
        child_ = program('a');
        StatLine line;
        line.pid = child_->pid();
        line.comm = name_of_ours('a');
        lay("stat", line.text());
        lay("cgroup", "0::/\n");
        lay("status", "VmRSS:\t 1000 kB\nRssAnon:\t 500 kB\nVmSwap:\t 24 kB\n");
        lay("maps",
            "00010000-00020000 rw-p 00000000 00:00 0\n"
            "00020000-00024000 rw-s 00000000 00:01 7 /dev/zero (deleted)\n");
        set_available(1'000'000);
        pages_.assign(0x24, 0);
        for (const std::size_t page : {0x10U, 0x11U, 0x13U, 0x18U, 0x19U, 0x1aU, 0x20U})
            pages_[page] = swapped;
        lay_pages();
        ControlRequestsTest::SetUp();
    }
    void prepare(Daemon::Parts& parts) override {
        ControlRequestsTest::prepare(parts);
        parts.paths.proc = proc_.path();
    }
    void start() {
        ASSERT_TRUE(daemon_->start(list(policy("/etc/x/10-a.toml", name_of_ours('a'), "cold"))));
        run_until([&] {
            const json targets = status()["policies"][0]["targets"];
            return !targets.empty() && targets[0]["swapped_bytes"].is_number();
        });
    }
    void lay(const std::string& file, const std::string& content) const {
        proc_.lay(std::to_string(child_->pid()) + "/" + file, content);
    }
    void lay_pages() const {
        std::string bytes(pages_.size() * sizeof(std::uint64_t), '\0');
        std::memcpy(bytes.data(), pages_.data(), bytes.size());
        lay("pagemap", bytes);
    }
    void set_available(std::uint64_t kilobytes) const {
        proc_.lay("meminfo", "MemTotal: 2000000 kB\nMemFree: 1000 kB\nMemAvailable: " +
                                 std::to_string(kilobytes) + " kB\n");
    }
    // What a descriptor of ours is open at; empty: it is closed.
    static std::string open_at(int file) {
        std::error_code closed;
        return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), closed);
    }
    bool has_said(const std::string& what) const {
        return std::any_of(said_.begin(), said_.end(), [&](const std::string& text) {
            return text.find(what) != std::string::npos;
        });
    }

    static constexpr std::uint64_t swapped = std::uint64_t{1} << 62;
    const LaidOutFolder proc_{};
    std::vector<std::uint64_t> pages_;
};

TEST_F(ReleaseTest, what_is_in_swap_is_asked_for_and_the_target_is_left_alone_for_a_while) {
    start();
    const json answer = ask({{"command", "release"}, {"pid", child_->pid()}});
    EXPECT_EQ(answer["ok"], true) << answer;
    EXPECT_EQ(answer["bytes"], 24U << 10);
    EXPECT_EQ(answer["targets"], 1);
    EXPECT_THAT(
        answer["done"].get<std::string>(),
        HasSubstr("24.0 KiB of 1 process is on the way back into memory; paused for 10 min"));
    run_until([&] { return has_said("of the 24.0 KiB that were looked at in swap"); });
    const auto requests = executors_[0]->requests();
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].action, Action::willneed);
    EXPECT_EQ(requests[0].pid, child_->pid());
    EXPECT_THAT(requests[0].ranges, ::testing::ElementsAre(AddressRange{0x10000, 0x12000},
                                                           AddressRange{0x13000, 0x14000},
                                                           AddressRange{0x18000, 0x1b000}))
        << "not what is shared with others";
    EXPECT_EQ(status()["policies"][0]["targets"][0]["paused"]["released"], true);
    monitors_[0]->waiting.emplace_back(fresh({cold(0, 4)}));
    run_until([&] {
        return status()["policies"][0]["schemes"][0]["held_back_bytes"].value("paused", 0U) ==
               4 * mib;
    });
}

TEST_F(ReleaseTest, what_memory_does_not_hold_is_refused_unless_forced) {
    set_available(40'010);  // two hundredths of all stay
    start();
    EXPECT_THAT(refused({{"command", "release"}}),
                HasSubstr("24.0 KiB would come back, and 39.1 MiB of memory can be had"));
    EXPECT_TRUE(status()["policies"][0]["targets"][0]["paused"].is_null());
    EXPECT_TRUE(executors_[0]->requests().empty());
    (void)done({{"command", "release"}, {"force", true}});
    run_until([&] { return has_said("looked at in swap"); });
    EXPECT_EQ(executors_[0]->requests().size(), 1U);
}

TEST_F(ReleaseTest, what_is_on_its_way_back_is_told_and_no_pause_ends_it) {
    start();
    executors_[0]->hold();
    (void)done({{"command", "release"}});
    executors_[0]->wait_for_request();
    EXPECT_EQ(status()["releasing"], 1);
    (void)done({{"command", "pause"}});
    (void)done({{"command", "pause"}, {"pid", child_->pid()}});
    executors_[0]->let_go();
    run_until([&] { return has_said("looked at in swap"); });
    EXPECT_FALSE(has_said("told to stop"));
    EXPECT_EQ(status()["releasing"], 0);
}

TEST_F(ReleaseTest, what_is_on_its_way_back_ends_with_the_policy_that_has_it) {
    start();
    executors_[0]->hold();
    (void)done({{"command", "release"}});
    executors_[0]->wait_for_request();
    ASSERT_TRUE(daemon_->reload(list(policy("/etc/x/20-b.toml", name_of_ours('b'), "cold"))));
    run_until([&] { return has_said("stopped: it was told to stop"); });
    EXPECT_EQ(status()["releasing"], 0);
}

TEST_F(ReleaseTest, a_target_that_goes_is_kept_hold_of_while_a_call_still_brings_its_memory_back) {
    start();
    executors_[0]->hold_on();
    (void)done({{"command", "release"}, {"pid", child_->pid()}});
    run_until([&] { return !executors_[0]->requests().empty(); });
    const int pidfd = executors_[0]->requests()[0].pidfd;
    const std::string process = open_at(pidfd);
    EXPECT_THAT(process, HasSubstr("pidfd"));
    child_->kill();
    run_until([&] { return targets(0) == 0; });
    // All that would close it has had its turn by then.
    int ticks = 0;
    run_until([&] { return ++ticks > 200; });
    EXPECT_EQ(open_at(pidfd), process);
    executors_[0]->let_go();
    run_until([&] { return open_at(pidfd) != process; });
}

TEST_F(ReleaseTest, a_longer_pause_is_not_made_shorter) {
    start();
    (void)done({{"command", "pause"}, {"pid", child_->pid()}});
    (void)done({{"command", "release"}, {"policy", "10-a"}, {"for_ns", 1'000'000'000}});
    EXPECT_TRUE(status()["policies"][0]["targets"][0]["paused"]["left_ns"].is_null());
}

}  // namespace
}  // namespace damon_schemes
