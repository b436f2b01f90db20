// SPDX-License-Identifier: MIT
// Who carries out which action, and when the helper for remote calls is started at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <filesystem>

#include "engine/actions/action_router.h"
#include "engine/actions/action_warnings.h"
#include "tests/unit/engine/laid_out_folder.h"
#include "tests/unit/engine/outcomes.h"
#include "tests/unit/engine/own_memory.h"
#include "tests/unit/engine/self_caller.h"

namespace damon_schemes {
namespace {

using ::testing::ElementsAre;
using testing::flagged;
using testing::gap;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LaidOutFolder;
using testing::OwnMemory;
using testing::request_to_self;
using testing::SelfCaller;

constexpr std::uint64_t mib = 1 << 20;

Scheme scheme_of(Action action) {
    Scheme scheme;
    scheme.name = std::string(name_of(action));
    scheme.action = action;
    scheme.split_huge_pages = true;
    if (action == Action::mlock) scheme.on_exit = OnExit::restore;
    return scheme;
}

Policy policy_of(std::vector<Action> actions, bool allow) {
    Policy policy;
    policy.remote_syscall = allow;
    for (const Action action : actions) policy.schemes.push_back(scheme_of(action));
    return policy;
}

class ActionRouterTest : public ::testing::Test {
  protected:
    Result<std::unique_ptr<ActionRouter>> make(const Policy& policy, bool dry_run = false) {
        ActionRouter::Options options;
        options.dry_run = dry_run;
        options.journal = folder_.path() + "/locks";
        options.start_remote_caller = [this]() -> Result<std::unique_ptr<RemoteCaller>> {
            ++started_;
            if (failing_) return Error{ErrorKind::unsupported, "no helper", 0};
            auto caller = std::make_unique<SelfCaller>();
            caller_ = caller.get();
            return std::unique_ptr<RemoteCaller>(std::move(caller));
        };
        return ActionRouter::make(policy, options);
    }
    LaidOutFolder folder_{{"file", ""}};
    int started_ = 0;
    bool failing_ = false;
    SelfCaller* caller_ = nullptr;
};

constexpr std::array all_actions = {Action::pageout,    Action::cold,     Action::willneed,
                                    Action::stat,       Action::collapse, Action::hugepage,
                                    Action::nohugepage, Action::mlock,    Action::munlock};

TEST_F(ActionRouterTest, WithNeverNothingIsStartedAndEachReasonIsGiven) {
    const OwnMemory memory(4 * mib);
    auto router = make(policy_of({all_actions.begin(), all_actions.end()}, /*allow=*/false));
    ASSERT_TRUE(router.ok());
    for (const Action action : {Action::hugepage, Action::nohugepage, Action::mlock}) {
        const auto outcome =
            (*router)->execute(request_to_self(scheme_of(action), {memory.range()}), {})[0];
        EXPECT_EQ(gap(outcome, Gap::remote_never), mebibytes(4)) << name_of(action);
        EXPECT_EQ(outcome.calls, 0U);
    }
    (void)(*router)->adopt({});
    EXPECT_THAT((*router)->finish(), IsEmpty());
    EXPECT_EQ(started_, 0);
    EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/locks"));
}

TEST_F(ActionRouterTest, TheHelperIsStartedOnlyForWhatNeedsIt) {
    ASSERT_TRUE(make(policy_of({Action::pageout, Action::collapse, Action::stat}, true)).ok());
    EXPECT_EQ(started_, 0);
    ASSERT_TRUE(make(policy_of({Action::mlock}, true), /*dry_run=*/true).ok());
    EXPECT_EQ(started_, 0) << "a dry run calls nobody";
    for (const Action action :
         {Action::hugepage, Action::nohugepage, Action::mlock, Action::munlock}) {
        started_ = 0;
        ASSERT_TRUE(make(policy_of({action}, true)).ok());
        EXPECT_EQ(started_, 1) << name_of(action);
    }
    failing_ = true;
    const auto failed = make(policy_of({Action::mlock}, true));
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().message, "no helper");
}

TEST_F(ActionRouterTest, AKernelThatTakesTheFlagsNeedsNoHelper) {
    AdviceSupport support;
    support.hugepage = true;
    EXPECT_FALSE(needs_remote_calls(Action::hugepage, support));
    EXPECT_TRUE(needs_remote_calls(Action::nohugepage, support));
    EXPECT_TRUE(needs_remote_calls(Action::mlock, support));
    EXPECT_FALSE(needs_remote_calls(Action::collapse, {}));
}

TEST_F(ActionRouterTest, AJournalThatCannotBeUsedIsAnError) {
    std::filesystem::create_directory(folder_.path() + "/locks");
    std::filesystem::permissions(folder_.path() + "/locks", std::filesystem::perms::all);
    const auto router = make(policy_of({Action::mlock}, true));
    ASSERT_FALSE(router.ok());
    EXPECT_EQ(router.error().kind, ErrorKind::unsupported);
}

TEST_F(ActionRouterTest, WhatIsLockedIsUndoneAtTheEnd) {
    const OwnMemory memory(4 * mib);
    if (::syscall(SYS_mlock2, memory.start(), mib, 1) != 0) GTEST_SKIP() << "no mlock here";
    ::syscall(SYS_munlock, memory.start(), mib);
    auto router = make(policy_of({Action::mlock}, true));
    ASSERT_TRUE(router.ok());
    (void)(*router)->execute(request_to_self(scheme_of(Action::mlock), {memory.part(0, mib)}), {});
    EXPECT_EQ(flagged(memory.range(), &MappingFlags::locked), mebibytes(1));
    EXPECT_EQ((*router)->locked(), mebibytes(1));
    // What cannot be undone is told, and stays written down.
    caller_->refuse = RemoteRefusal::stopped;
    EXPECT_THAT((*router)->finish(), ElementsAre(HasSubstr("damon-schemes restore")));
    EXPECT_FALSE(std::filesystem::is_empty(folder_.path() + "/locks"));
    caller_->refuse.reset();
    EXPECT_THAT((*router)->finish(), IsEmpty());
    EXPECT_EQ(flagged(memory.range(), &MappingFlags::locked), Bytes{});
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/locks"));
}

TEST_F(ActionRouterTest, WhatIsToBeKeptIsKept) {
    const OwnMemory memory(4 * mib);
    if (::syscall(SYS_mlock2, memory.start(), mib, 1) != 0) GTEST_SKIP() << "no mlock here";
    ::syscall(SYS_munlock, memory.start(), mib);
    Policy policy = policy_of({Action::mlock}, true);
    policy.schemes[0].on_exit = OnExit::keep;
    auto router = make(policy);
    ASSERT_TRUE(router.ok());
    (void)(*router)->execute(request_to_self(policy.schemes[0], {memory.part(0, mib)}), {});
    EXPECT_THAT((*router)->finish(), IsEmpty());
    EXPECT_EQ(flagged(memory.range(), &MappingFlags::locked), mebibytes(1));
    EXPECT_FALSE(std::filesystem::is_empty(folder_.path() + "/locks"));
    ::syscall(SYS_munlock, memory.start(), mib);
}

std::vector<std::string> warnings(const Policy& policy, const std::string& enabled,
                                  const std::string& swap = "1000 kB") {
    const LaidOutFolder machine(
        {{"sys/kernel/mm/transparent_hugepage/enabled", enabled},
         {"proc/meminfo", "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 10 kB\nSwapTotal: " +
                              swap + "\nSwapFree: 0 kB\n"}});
    AdviceSupport support;
    support.collapse = true;
    return action_warnings(policy, support, {machine.path() + "/proc", machine.path() + "/sys"});
}

TEST(ActionWarnings, AreOfWhatHasNoEffectOnThisMachine) {
    const std::string never = "always madvise [never]\n";
    const std::string madvise = "always [madvise] never\n";
    EXPECT_THAT(warnings(policy_of({Action::collapse}, false), madvise), IsEmpty());
    EXPECT_THAT(warnings(policy_of({Action::collapse}, false), never),
                ElementsAre(HasSubstr("makes them all the same")));
    EXPECT_THAT(warnings(policy_of({Action::hugepage}, true), never),
                ElementsAre(HasSubstr("has no effect until")));
    EXPECT_THAT(
        warnings(policy_of({Action::hugepage, Action::mlock}, false), madvise),
        ElementsAre(HasSubstr("'hugepage' does nothing"), HasSubstr("'mlock' does nothing")));
    EXPECT_THAT(warnings(policy_of({Action::mlock}, true), madvise, "0 kB"),
                ElementsAre(HasSubstr("no swap")));
    EXPECT_THAT(warnings(policy_of({Action::pageout, Action::stat}, false), never), IsEmpty());
}

}  // namespace
}  // namespace damon_schemes
