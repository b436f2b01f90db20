// SPDX-License-Identifier: MIT
// What a sound policy hardly can mean is told, and what it may well mean is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schemes/policy/reader.h"
#include "schemes/policy/warnings.h"

namespace damon_schemes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<PolicyError> warnings_of(const std::string& text) {
    PolicyReadOptions options;
    options.source = "policy.toml";
    const PolicyReading reading = read_policy("version = 1\n" + text, options);
    for (const PolicyError& error : reading.errors) ADD_FAILURE() << to_string(error);
    return reading.warnings;
}

std::vector<std::string> messages_of(const std::string& text) {
    std::vector<std::string> messages;
    for (const PolicyError& warning : warnings_of(text)) messages.push_back(warning.message);
    return messages;
}

std::string scheme(const std::string& name, const std::string& action,
                   const std::string& rest = "") {
    return "[[scheme]]\nname = \"" + name + "\"\naction = \"" + action + "\"\n" + rest + "\n";
}

const std::string idle = "frequency = { max = \"0%\" }";
const std::string used = "frequency = { min = \"1%\" }";

std::string age(const std::string& min, const std::string& max = "") {
    return "\nage = { min = \"" + min + "\"" + (max.empty() ? "" : ", max = \"" + max + "\"") +
           " }";
}

TEST(PolicyWarnings, AreNoneWhereSchemesDoNotMeet) {
    EXPECT_THAT(messages_of(scheme("a", "pageout", idle) + scheme("b", "willneed", used)),
                IsEmpty());
    EXPECT_THAT(messages_of(scheme("a", "pageout", idle + age("10s")) +
                            scheme("b", "pageout", idle + age("1s", "9s"))),
                IsEmpty());
    EXPECT_THAT(messages_of(scheme("a", "pageout", "size = { max = \"1MiB\" }") +
                            scheme("b", "willneed", "size = { min = \"2MiB\" }")),
                IsEmpty());
}

TEST(PolicyWarnings, AreOfSchemesThatUndoEachOther) {
    for (const std::string away : {"pageout", "cold"}) {
        EXPECT_THAT(messages_of(scheme("out", away, idle + age("10s", "1min")) +
                                scheme("in", "willneed", age("30s", "2min"))),
                    ElementsAre(HasSubstr("one undoes what the other does; 'out' has it")));
        EXPECT_THAT(messages_of(scheme("in", "willneed", age("30s", "2min")) +
                                scheme("out", away, idle + age("10s", "1min"))),
                    ElementsAre(HasSubstr("one undoes what the other does; 'in' has it")));
    }
}

TEST(PolicyWarnings, AreOfSchemesThatDoTheSame) {
    EXPECT_THAT(messages_of(scheme("old", "pageout", idle + age("1min")) +
                            scheme("large", "pageout", idle + "\nsize = { min = \"2MiB\" }")),
                ElementsAre(HasSubstr("'old' and 'large' do the same to the same memory; 'old' has "
                                      "what both match")));
    // Cold first, and out once it is older: that is how the two go together.
    EXPECT_THAT(messages_of(scheme("soon", "cold", idle + age("10s")) +
                            scheme("out", "pageout", idle + age("1min"))),
                IsEmpty());
}

TEST(PolicyWarnings, AreOfSchemesThatHaveNothingToDo) {
    EXPECT_THAT(messages_of(scheme("wide", "pageout", idle + age("10s")) +
                            scheme("narrow", "pageout", idle + age("1min"))),
                ElementsAre(HasSubstr("'narrow' has hardly anything to do: 'wide' matches all")));
    // A pageout goes before a cold, wherever they stand.
    for (const bool turned : {false, true}) {
        const std::string out = scheme("out", "pageout", idle + age("10s"));
        const std::string cold = scheme("soon", "cold", idle + age("20s"));
        EXPECT_THAT(messages_of(turned ? cold + out : out + cold),
                    ElementsAre(HasSubstr("'soon' has hardly anything to do: 'out' matches all")));
    }
    // The narrower one first is a fine order, though both do the same.
    EXPECT_THAT(messages_of(scheme("narrow", "willneed", used + age("1min")) +
                            scheme("wide", "cold", idle)),
                IsEmpty());
    // A bound that bounds nothing covers as none does.
    EXPECT_THAT(
        messages_of(scheme("wide", "willneed",
                           "frequency = { min = \"0%\", max = \"100%\" }\nage = { min = \"0s\" }\n"
                           "size = { min = 0 }") +
                    scheme("narrow", "willneed")),
        ElementsAre(HasSubstr("'narrow' has hardly anything to do")));
    // A tuned age does not stay where it is written.
    EXPECT_THAT(messages_of(scheme("wide", "pageout",
                                   idle + age("10s") + "\ntune = { refaults = \"1%\" }") +
                            scheme("narrow", "pageout", idle + age("1min"))),
                ElementsAre(HasSubstr("do the same to the same memory")));
}

TEST(PolicyWarnings, AreNotOfSchemesThatSomethingElseKeepsApart) {
    for (const std::string& apart :
         {std::string("filter = [ { allow = \"anonymous\" } ]"), std::string("min_rss = \"1GiB\""),
          std::string("watermarks = { free_memory = { high = \"10%\", low = \"1%\" } }")}) {
        const std::string special = scheme("a", "pageout", idle + age("10s") + "\n" + apart);
        EXPECT_THAT(messages_of(special + scheme("b", "pageout", idle + age("1min"))), IsEmpty())
            << apart;
        // Where both have it, it keeps nothing apart.
        EXPECT_EQ(
            messages_of(special + scheme("b", "pageout", idle + age("1min") + "\n" + apart)).size(),
            1U)
            << apart;
    }
}

TEST(PolicyWarnings, AreNotOfSchemesThatOnlyCount) {
    EXPECT_THAT(messages_of(scheme("a", "stat") + scheme("b", "pageout") + scheme("c", "stat")),
                IsEmpty());
}

TEST(PolicyWarnings, AreOfFiltersThatNeverDecide) {
    const auto filters = [](const std::string& list) {
        return warnings_of(scheme("a", "pageout", "filter = [ " + list + " ]"));
    };
    const auto twice =
        filters("{ reject = \"anonymous\" }, { reject = \"young\" }, { allow = \"anonymous\" }");
    ASSERT_EQ(twice.size(), 1U);
    EXPECT_THAT(twice[0].message, HasSubstr("filter 1 of the scheme fits all that it fits"));
    EXPECT_EQ(twice[0].key, "scheme.a.filter.2");
    EXPECT_EQ(twice[0].text, "{ allow = \"anonymous\" }");
    EXPECT_EQ(
        filters("{ reject = \"mapping\", name = \"*\" }, { allow = \"mapping\", name = \"/a\" }")
            .size(),
        1U);
    EXPECT_THAT(filters("{ reject = \"mapping\", name = \"/a\" }, { allow = \"mapping\", name = "
                        "\"*\" }, { allow = \"target\", name = \"x\" }"),
                IsEmpty());
    EXPECT_THAT(filters("{ reject = \"address\", start = 0, end = 4096 }, { allow = \"address\", "
                        "start = 4096, end = 8192 }"),
                IsEmpty());
}

TEST(PolicyWarnings, AreOfWatermarksThatKeepASchemeFromWorking) {
    EXPECT_THAT(messages_of(scheme("a", "pageout",
                                   "watermarks = { free_memory = { high = \"50%\", mid = \"20%\", "
                                   "low = \"20%\" } }")),
                ElementsAre(HasSubstr("begins again only at exactly 20%")));
    EXPECT_THAT(
        messages_of(scheme("a", "pageout", "watermarks = { free_swap = { high = \"9%\" } }")),
        ElementsAre(HasSubstr("so it never acts")));
    EXPECT_THAT(messages_of(scheme("a", "cold", "watermarks = { free_swap = { high = \"9%\" } }")),
                IsEmpty())
        << "the guard of swap stops pageout alone";
    EXPECT_THAT(messages_of(scheme("a", "pageout",
                                   "watermarks = { free_memory = { high = \"50%\", mid = \"40%\", "
                                   "low = \"20%\" }, free_swap = { low = \"20%\" } }")),
                IsEmpty());
}

TEST(PolicyWarnings, AreOfControlsThatUndoEachOther) {
    EXPECT_THAT(messages_of(scheme("a", "pageout", "verify = { idle = \"2s\" }")),
                ElementsAre(HasSubstr("each verification takes 2s, and new memory is found for it "
                                      "every 100ms")));
    EXPECT_THAT(
        messages_of(scheme("a", "pageout", "verify = { idle = \"2s\" }\napply_interval = \"5s\"")),
        IsEmpty());
    EXPECT_THAT(messages_of(scheme("a", "pageout", "apply_interval = \"5s\"" + age("10s", "14s"))),
                ElementsAre(HasSubstr("be missed")));
    EXPECT_THAT(messages_of(scheme("a", "pageout", "apply_interval = \"5s\"" + age("10s", "15s"))),
                IsEmpty());
    EXPECT_THAT(
        messages_of(scheme("a", "pageout",
                           "tune = { refaults = \"1%\" }\nquota.goal = [ { metric = \"refaults\", "
                           "target = \"1%\" } ]" +
                               age("10s"))),
        ElementsAre(HasSubstr("both follow the refaults")));
}

TEST(PolicyWarnings, HaveAPlaceAndSayThatTheyAreWarnings) {
    const auto warnings =
        warnings_of(scheme("a", "pageout", "verify = { idle = \"2s\" }") + scheme("b", "pageout"));
    ASSERT_EQ(warnings.size(), 2U);
    EXPECT_TRUE(warnings[0].warning);
    EXPECT_EQ(to_string(warnings[0]),
              "policy.toml:5:12: warning: each verification takes 2s, and new memory is found for "
              "it every 100ms; set apply_interval = \"2s\" or so\n"
              "  5 | verify = { idle = \"2s\" }\n"
              "    |            ^~~~");
    EXPECT_EQ(warnings[0].key, "scheme.a.verify.idle");
    EXPECT_EQ(warnings[1].line, 7U);
    EXPECT_EQ(warnings[1].key, "scheme.b.name");
    EXPECT_FALSE(warnings[1].suggestion.empty());
}

TEST(PolicyWarnings, AreNotGivenOfAPolicyThatCannotBeUsed) {
    const PolicyReading reading = read_policy(
        "version = 1\n" + scheme("a", "pageout") + scheme("b", "pageout") + "[limit]\n", {});
    EXPECT_FALSE(reading.ok());
    EXPECT_THAT(reading.warnings, IsEmpty());
}

TEST(PolicyWarnings, NameAnOverrideThatTheyAreOf) {
    PolicyReadOptions options;
    options.overrides = {"scheme.a.verify.idle=20s"};
    const PolicyReading reading = read_policy("version = 1\n" + scheme("a", "pageout"), options);
    ASSERT_EQ(reading.warnings.size(), 1U);
    EXPECT_EQ(reading.warnings[0].source, "--set scheme.a.verify.idle=20s");
}

TEST(PolicyWarnings, OfAHostilePolicyAreFew) {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += scheme("s" + std::to_string(i), "pageout");
    EXPECT_EQ(warnings_of(text).size(), max_warnings);
}

TEST(PolicyWarnings, AreOfAgesThatIntervalsMayOutgrow) {
    const std::string goal =
        "[monitor]\ninterval_goal = { sampling = { max = \"500ms\" } }\n";  // 10 s of aggregation
    EXPECT_THAT(messages_of(goal + scheme("a", "pageout", idle + age("10s"))), IsEmpty());
    EXPECT_THAT(messages_of(goal + scheme("a", "pageout", idle)), IsEmpty());
    const auto young = warnings_of(goal + scheme("a", "pageout", idle + age("5s")));
    ASSERT_EQ(young.size(), 1U);
    EXPECT_EQ(young[0].key, "scheme.a.age.min");
    EXPECT_THAT(young[0].message, HasSubstr("as long as 10s"));
    EXPECT_THAT(young[0].suggestion, HasSubstr("sampling.max to \"250ms\""));
    EXPECT_THAT(messages_of(goal + scheme("a", "stat", idle + age("1s", "9s"))),
                ElementsAre(HasSubstr("be missed")));
    EXPECT_THAT(
        messages_of("[monitor]\ninterval_goal = {}\n" + scheme("a", "pageout", idle + age("199s"))),
        ElementsAre(HasSubstr("as long as 200s")));
}

TEST(PolicyWarnings, OfVerificationsGoByTheLongestIntervals) {
    const std::string verified = scheme("a", "pageout", idle + "\nverify = { idle = \"2s\" }");
    EXPECT_THAT(messages_of(verified), ElementsAre(HasSubstr("every 100ms")));
    EXPECT_THAT(messages_of("[monitor]\ninterval_goal = {}\n" + verified), IsEmpty());
}

}  // namespace
}  // namespace damon_schemes
