// SPDX-License-Identifier: MIT
// Huge pages made and forbidden by damon-schemes apply, and what the kernel says of them.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apply_to_target.h"
#include "mapping_details.h"

namespace damon_schemes::vm {
namespace {

// The kernel's setting, put back when it goes.
class HugePagesEnabled {
  public:
    explicit HugePagesEnabled(const std::string& word) {
        std::string text;
        std::getline(std::ifstream(file), text);
        before_ = text.substr(text.find('[') + 1, text.find(']') - text.find('[') - 1);
        std::ofstream(file) << word;
    }
    ~HugePagesEnabled() { std::ofstream(file) << before_; }
    HugePagesEnabled(const HugePagesEnabled&) = delete;
    HugePagesEnabled& operator=(const HugePagesEnabled&) = delete;

  private:
    static constexpr const char* file = "/sys/kernel/mm/transparent_hugepage/enabled";
    std::string before_;
};

std::string policy_for(const std::string& schemes, bool allow) {
    return std::string("version = 1\nremote_syscall = \"") + (allow ? "allow" : "never") + R"("
[monitor]
sampling_interval = "10ms"
aggregation_interval = "200ms"
update_interval = "400ms"
[limits]
min_free_swap = "off"
brake = "off"
guard = "off"
min_headroom = "off"
min_zram_saving = "off"
)" + schemes;
}
std::string scheme_for(const std::string& action, const std::string& pattern,
                       const std::string& more = "") {
    return "[[scheme]]\nname = \"" + action + "\"\naction = \"" + action + "\"\n" + pattern +
           "quota = \"off\"\n" + more;
}
const std::string hot_pattern = "frequency = { min = \"20%\" }\nage = { min = \"400ms\" }\n";
const std::string cold_pattern = "frequency = { max = \"0%\" }\nage = { min = \"1s\" }\n";

class HugePageActions : public ApplyToTarget {
  protected:
    void start() {
        target = std::make_unique<Target>();
        cold = target->map("cold", cold_bytes, "guarded");
        hot = target->map("hot", 16 * mib, "guarded");
        target->ask("fill cold 1");
        target->ask("fill hot 2");
        target->hot("hot");
    }
    static void write_policy(const std::string& text) { std::ofstream(policy) << text; }
    MappingDetails details(const Area& area) const { return details_of(target->pid(), area); }
    void expect_intact() const {
        target->cool("hot");
        EXPECT_EQ(target->ask("verify cold 1"), "0");
        EXPECT_EQ(target->ask("verify hot 2"), "0");
    }
    // Each byte that was planned was done or has a reason why it was not.
    static void expect_whole_account(const nlohmann::json& scheme) {
        std::uint64_t accounted = scheme["confirmed_bytes"].get<std::uint64_t>();
        for (const auto& [name, bytes] : scheme["gaps_bytes"].items())
            accounted += bytes.get<std::uint64_t>();
        EXPECT_EQ(scheme["planned_bytes"].get<std::uint64_t>(), accounted) << scheme.dump(1);
    }
    static nlohmann::json end(Command& command) {
        command.signal(SIGINT);
        EXPECT_EQ(command.wait(), exit_ok) << command.err();
        auto whole = summary(command);
        if (whole.is_discarded()) return nlohmann::json::object();
        for (const auto& scheme : whole["schemes"]) expect_whole_account(scheme);
        return whole["schemes"][0];
    }

    HugePagesEnabled enabled_{"madvise"};
};

TEST_F(HugePageActions, HotMemoryBecomesHugeAndColdDoesNot) {
    start();
    ASSERT_EQ(details(hot).huge, 0U);
    write_policy(policy_for(scheme_for("collapse", hot_pattern), /*allow=*/false));
    auto command = apply_to_target();
    ASSERT_TRUE(eventually([&] { return !command->running() || details(hot).huge >= 14 * mib; }))
        << details(hot).huge << command->err();
    ASSERT_TRUE(command->running()) << command->err();
    EXPECT_LE(details(cold).huge, cold_bytes / 4);
    const auto scheme = end(*command);
    EXPECT_GE(scheme["confirmed_bytes"].get<std::uint64_t>(), 14 * mib);
    EXPECT_EQ(scheme["remote"]["stops"], 0);
    expect_intact();
}

TEST_F(HugePageActions, SparseMemoryIsNotMadeHugeAndGrowthIsBounded) {
    target = std::make_unique<Target>();
    // Its pages are touched when it is mapped: of a hole nothing is there.
    hot = target->map("hot", 32 * mib, "guarded");
    target->hot("hot");
    write_policy(policy_for(scheme_for("collapse", hot_pattern, "growth = { bytes = \"4KiB\" }\n"),
                            /*allow=*/false));
    auto command = apply_to_target();
    ASSERT_TRUE(eventually([&] { return !command->running() || details(hot).huge >= 24 * mib; }))
        << command->err();
    const auto scheme = end(*command);
    EXPECT_EQ(scheme["grown_bytes"], 0) << "all of it was there";
}

TEST_F(HugePageActions, FlagsAreSetWhereMemoryIsHotOrCold) {
    start();
    write_policy(policy_for(scheme_for("hugepage", hot_pattern, "split_huge_pages = true\n") +
                                scheme_for("nohugepage", cold_pattern, "split_huge_pages = true\n"),
                            /*allow=*/true));
    auto command = apply_to_target();
    ASSERT_TRUE(eventually([&] {
        return !command->running() || (details(hot).hugepage >= 14 * mib &&
                                       details(cold).nohugepage >= cold_bytes * 3 / 4);
    })) << details(hot).hugepage
        << ' ' << details(cold).nohugepage << command->err();
    ASSERT_TRUE(command->running()) << command->err();
    EXPECT_EQ(details(cold).hugepage, 0U);
    const auto scheme = end(*command);
    EXPECT_GE(scheme["confirmed_bytes"].get<std::uint64_t>(), 14 * mib);
    EXPECT_GT(scheme["remote"]["stops"].get<std::uint64_t>(), 0U);
    expect_intact();
}

// Attributes are as the files say but for the pace, which emulation does not keep up with.
TEST_F(HugePageActions, ThePublishedSchemesFlagWhatIsUsedAndWhatIsNot) {
    for (const char* name : {"ethp-v12.toml", "ethp-v24.toml"}) {
        start();
        Command command({"damon-schemes", "apply", std::string("/root/policies/") + name, "--json",
                         "--set", "monitor.sampling_interval=10ms", "--set",
                         "monitor.aggregation_interval=200ms", "--pid",
                         std::to_string(target->pid())});
        EXPECT_TRUE(eventually([&] {
            return !command.running() ||
                   (details(hot).hugepage >= 4 * mib && details(cold).nohugepage >= cold_bytes / 4);
        })) << name
            << ' ' << details(hot).hugepage << ' ' << details(cold).nohugepage << command.err();
        ASSERT_TRUE(command.running()) << name << command.err();
        (void)end(command);
        expect_intact();
    }
}

// A program that may not call ptrace(2), nor may what it starts: whoever does is killed.
class WithoutPtrace {
  public:
    explicit WithoutPtrace(const std::vector<std::string>& argv) : pid_(::fork()) {
        if (pid_ != 0) return;
        const auto number = static_cast<std::uint32_t>(SYS_ptrace);
        const std::array<sock_filter, 4> code = {{
            {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
            {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
            {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS},
            {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
        }};
        const sock_fprog program{static_cast<unsigned short>(code.size()),
                                 const_cast<sock_filter*>(code.data())};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
            _exit(99);
        if (argv.empty()) {
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            _exit(0);
        }
        std::vector<char*> words;
        for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
        words.push_back(nullptr);
        execvp(words[0], words.data());
        _exit(98);
    }
    int wait() const {
        int status = 0;
        waitpid(pid_, &status, 0);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

  private:
    pid_t pid_;
};

TEST_F(HugePageActions, WithNeverNotOnePtraceCallIsMade) {
    ASSERT_EQ(WithoutPtrace({}).wait(), 128 + SIGSYS) << "the filter lets it pass";
    start();
    std::string schemes;
    for (const char* action : {"hugepage", "mlock"}) schemes += scheme_for(action, hot_pattern);
    for (const char* action : {"nohugepage", "munlock"})
        schemes += scheme_for(action, cold_pattern);
    const std::vector<std::string> argv = {"damon-schemes",
                                           "apply",
                                           policy,
                                           "--duration",
                                           "6s",
                                           "--no-status",
                                           "--pid",
                                           std::to_string(target->pid())};
    write_policy(policy_for(schemes, /*allow=*/false));
    EXPECT_EQ(WithoutPtrace(argv).wait(), exit_ok);
    EXPECT_EQ(details(hot).hugepage + details(hot).lock_flag, 0U);
    EXPECT_EQ(details(cold).nohugepage, 0U);

    // The same where it is allowed does not get through: the filter is there.
    write_policy(policy_for(schemes, /*allow=*/true));
    (void)WithoutPtrace(argv).wait();
    EXPECT_EQ(details(hot).hugepage + details(hot).lock_flag, 0U);
    expect_intact();
}

TEST_F(HugePageActions, WithNeverTheReasonIsGiven) {
    start();
    write_policy(policy_for(scheme_for("hugepage", hot_pattern), /*allow=*/false));
    const auto scheme = [&] {
        for (const char* duration : {"4s", "8s", "16s", "32s"}) {
            auto command = apply_to_target({"--duration", duration});
            EXPECT_EQ(command->wait(), exit_ok) << command->err();
            EXPECT_NE(command->err().find("does nothing"), std::string::npos) << command->err();
            auto totals = summary(*command)["schemes"][0];
            if (gap(totals, "remote_never") > 0) return totals;
        }
        return nlohmann::json::object();
    }();
    EXPECT_GT(gap(scheme, "remote_never"), 0U) << scheme.dump(1);
    EXPECT_EQ(details(hot).hugepage, 0U);
}

}  // namespace
}  // namespace damon_schemes::vm
