// SPDX-License-Identifier: MIT
// What a policy can say of locked memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "schemes/policy/reader.h"

namespace damon_schemes {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string scheme_of(const std::string& name, const std::string& action,
                      const std::string& rest = "") {
    return "[[scheme]]\nname = \"" + name + "\"\naction = \"" + action + "\"\n" + rest;
}

PolicyReading read_schemes(const std::string& schemes) {
    PolicyReadOptions options;
    options.source = "policy.toml";
    return read_policy("version = 1\nremote_syscall = \"allow\"\n" + schemes, options);
}

PolicyReading read(const std::string& rest, const std::string& action = "mlock") {
    return read_schemes(scheme_of("a", action, rest));
}

std::vector<std::string> messages_of(const std::vector<PolicyError>& errors) {
    std::vector<std::string> messages;
    for (const PolicyError& error : errors) messages.push_back(error.message);
    return messages;
}

TEST(PolicyLocks, TakesWhatALockCanHave) {
    const auto reading = read(
        "populate = true\nlock = { target = \"1GiB\", host = \"25%\" }\nunlock = { age = \"30s\" "
        "}\n"
        "raise_memlock = \"hard\"\non_exit = \"keep\"\n");
    ASSERT_THAT(messages_of(reading.errors), IsEmpty());
    const Scheme& scheme = reading.policy.schemes[0];
    EXPECT_TRUE(scheme.populate);
    EXPECT_EQ(scheme.lock, (LockBudget{mebibytes(1024), Share{250'000}}));
    EXPECT_EQ(scheme.unlock_age, Duration(30s));
    EXPECT_EQ(scheme.raise_memlock, RaiseMemlock::hard);
    EXPECT_EQ(scheme.on_exit, OnExit::keep);
}

TEST(PolicyLocks, AreBoundedAndUndoneUnlessThePolicySaysOtherwise) {
    const Scheme scheme = read("").policy.schemes[0];
    EXPECT_FALSE(scheme.populate);
    EXPECT_EQ(scheme.lock, (LockBudget{mebibytes(64), Share{100'000}}));
    EXPECT_EQ(scheme.unlock_age, Duration(10s));
    EXPECT_EQ(scheme.raise_memlock, RaiseMemlock::never);
    EXPECT_EQ(scheme.on_exit, OnExit::restore);
    const Scheme unbounded =
        read("lock = { target = \"off\", host = \"off\" }\nunlock = \"off\"\n").policy.schemes[0];
    EXPECT_EQ(unbounded.lock, (LockBudget{{}, {}}));
    EXPECT_EQ(unbounded.unlock_age, std::nullopt);
}

TEST(PolicyLocks, ValuesThatLockNothingAreErrors) {
    EXPECT_THAT(messages_of(read("lock = {}\n").errors),
                ElementsAre(HasSubstr("neither target nor host")));
    EXPECT_THAT(messages_of(read("lock = { target = \"1KiB\" }\n").errors),
                ElementsAre(HasSubstr("less than a page")));
    EXPECT_THAT(messages_of(read("lock = { host = \"0%\" }\n").errors),
                ElementsAre(HasSubstr("nothing could be locked")));
    EXPECT_THAT(messages_of(read("unlock = { age = \"10ms\" }\n").errors),
                ElementsAre(HasSubstr("shorter than monitor.aggregation_interval")));
    EXPECT_THAT(messages_of(read("raise_memlock = \"always\"\n").errors),
                ElementsAre(HasSubstr("raise_memlock")));
}

TEST(PolicyLocks, OtherActionsCannotHaveWhatIsALocks) {
    for (const std::string key :
         {"populate = true\n", "lock = { host = \"5%\" }\n", "unlock = { age = \"30s\" }\n",
          "unlock = \"off\"\n", "raise_memlock = \"soft\"\n"})
        for (const std::string action : {"pageout", "munlock", "collapse"})
            EXPECT_THAT(messages_of(read(key, action).errors),
                        ElementsAre(HasSubstr("locks nothing")))
                << key << action;
}

TEST(PolicyLocks, SchemesThatWorkAgainstALockAreWarnedOf) {
    const auto warned = [](const std::string& a, const std::string& b) {
        const auto reading =
            read_schemes(scheme_of("a", a, "age = { min = \"1s\", max = \"1min\" }\n") +
                         scheme_of("b", b, "age = { min = \"30s\", max = \"2min\" }\n"));
        EXPECT_THAT(messages_of(reading.errors), IsEmpty());
        return messages_of(reading.warnings);
    };
    for (const auto& [a, b] :
         {std::pair("mlock", "pageout"), std::pair("cold", "mlock"), std::pair("mlock", "munlock"),
          std::pair("collapse", "nohugepage"), std::pair("hugepage", "nohugepage"),
          std::pair("pageout", "collapse")})
        EXPECT_THAT(warned(a, b), ElementsAre(HasSubstr("one undoes what the other does")))
            << a << b;
    EXPECT_THAT(warned("collapse", "mlock"), ElementsAre(HasSubstr("only one scheme can have it")));
    EXPECT_THAT(warned("pageout", "cold"), IsEmpty());
    // The published scheme names one border from both sides.
    const auto reading = read_schemes(
        scheme_of("hot", "hugepage", "frequency = { min = \"5%\" }\n") +
        scheme_of("cold", "nohugepage", "frequency = { max = \"5%\" }\nage = { min = \"1s\" }\n"));
    EXPECT_THAT(messages_of(reading.warnings), IsEmpty());
}

}  // namespace
}  // namespace damon_schemes
