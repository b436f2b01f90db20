// SPDX-License-Identifier: MIT
#include "schemes/decide/filters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

#include "schemes/pattern.h"
#include "tests/unit/schemes/observed.h"

namespace damon_schemes {
namespace {

using Kind = FilterVerdict::Kind;
using observed::filter;
using testing::ElementsAre;

constexpr std::uint64_t page = 4096;

Filter allow(FilterKind kind, std::string pattern = {}) {
    return filter(true, kind, std::move(pattern));
}
Filter reject(FilterKind kind, std::string pattern = {}) {
    return filter(false, kind, std::move(pattern));
}
Filter addresses(bool allow, std::uint64_t start, std::uint64_t end) {
    Filter address = filter(allow, FilterKind::address);
    address.range = {start, end};
    return address;
}

MappedArea area(std::uint64_t start, std::uint64_t end, bool file, bool shared,
                std::string name = {}) {
    return {{start, end}, file, shared, std::move(name)};
}

TEST(Judge, WithoutFiltersAllowsAnything) {
    const FilterVerdict verdict = judge({}, {});
    EXPECT_EQ(verdict.kind, Kind::allowed);
    EXPECT_FALSE(verdict.by);
}

TEST(Judge, TheFirstThatFitsDecides) {
    FilterFacts facts;
    facts.target_name = "redis-server";
    facts.young = true;
    facts.huge_page = false;
    const std::vector<Filter> filters{reject(FilterKind::huge_page),
                                      allow(FilterKind::target, "redis*"),
                                      reject(FilterKind::young)};
    EXPECT_EQ(judge(filters, facts).kind, Kind::allowed);
    EXPECT_EQ(judge(filters, facts).by, 1U);
    facts.target_name = "postgres";
    EXPECT_EQ(judge(filters, facts).kind, Kind::rejected);
    EXPECT_EQ(judge(filters, facts).by, 2U);
}

TEST(Judge, WhatNoneFitsGetsTheOppositeOfTheLast) {
    FilterFacts facts;
    facts.target_name = "a";
    const auto kind = [&](const std::vector<Filter>& filters) {
        return judge(filters, facts).kind;
    };
    EXPECT_EQ(kind({allow(FilterKind::target, "b")}), Kind::rejected);
    EXPECT_EQ(kind({reject(FilterKind::target, "b")}), Kind::allowed);
    EXPECT_EQ(kind({allow(FilterKind::target, "b"), reject(FilterKind::target, "c")}),
              Kind::allowed);
    EXPECT_EQ(kind({reject(FilterKind::target, "b"), allow(FilterKind::target, "c")}),
              Kind::rejected);
    EXPECT_FALSE(judge({allow(FilterKind::target, "b")}, facts).by);
}

TEST(Judge, IsUndecidedWhereTheFirstThatCouldFitIsNotKnownToFit) {
    FilterFacts facts;
    facts.target_name = "a";
    for (const FilterKind kind : {FilterKind::young, FilterKind::huge_page, FilterKind::anonymous,
                                  FilterKind::file, FilterKind::mapping, FilterKind::cgroup}) {
        EXPECT_EQ(judge({reject(kind, "*")}, facts).kind, Kind::undecided)
            << static_cast<int>(kind);
        // One that fits and comes before it decides all the same; one that comes after does not.
        EXPECT_EQ(judge({allow(FilterKind::target, "a"), reject(kind, "*")}, facts).kind,
                  Kind::allowed);
        EXPECT_EQ(judge({reject(kind, "*"), allow(FilterKind::target, "a")}, facts).kind,
                  Kind::undecided);
    }
}

TEST(Judge, KnowsAnonymousMemoryByItsMapping) {
    const MappedArea heap = area(0, page, false, false, "[heap]");
    const MappedArea shared_memory = area(0, page, false, true);
    const MappedArea shared_file = area(0, page, true, true, "/data");
    const MappedArea private_file = area(0, page, true, false, "/lib/libc.so");
    const auto verdicts = [](const MappedArea& mapping) {
        FilterFacts facts;
        facts.mapping = &mapping;
        return std::pair{judge({reject(FilterKind::anonymous)}, facts).kind,
                         judge({reject(FilterKind::file)}, facts).kind};
    };
    EXPECT_EQ(verdicts(heap), std::pair(Kind::rejected, Kind::allowed));
    EXPECT_EQ(verdicts(shared_memory), std::pair(Kind::allowed, Kind::rejected));
    EXPECT_EQ(verdicts(shared_file), std::pair(Kind::allowed, Kind::rejected));
    EXPECT_EQ(verdicts(private_file), std::pair(Kind::undecided, Kind::undecided));

    // A page of it that was looked at.
    FilterFacts written;
    written.mapping = &private_file;
    written.anonymous = true;
    EXPECT_EQ(judge({reject(FilterKind::anonymous)}, written).kind, Kind::rejected);
    EXPECT_EQ(judge({reject(FilterKind::file)}, written).kind, Kind::allowed);
}

TEST(Judge, OnlyAddressesAndTargetsFitWhereNothingIsMapped) {
    FilterFacts facts;
    facts.range = {0, page};
    facts.unmapped = true;
    facts.target_name = "a";
    for (const FilterKind kind : {FilterKind::young, FilterKind::huge_page, FilterKind::anonymous,
                                  FilterKind::file, FilterKind::mapping})
        EXPECT_EQ(judge({reject(kind, "*")}, facts).kind, Kind::allowed) << static_cast<int>(kind);
    EXPECT_EQ(judge({addresses(false, 0, page)}, facts).kind, Kind::rejected);
    EXPECT_EQ(judge({reject(FilterKind::target, "a")}, facts).kind, Kind::rejected);
}

TEST(Judge, TakesTheSafeHalfOfAPageThatAnAddressFilterCuts) {
    FilterFacts facts;
    facts.range = {page, 2 * page};
    EXPECT_EQ(judge({addresses(false, page + 100, 9 * page)}, facts).kind, Kind::rejected);
    EXPECT_EQ(judge({addresses(true, page + 100, 9 * page)}, facts).kind, Kind::rejected);
    EXPECT_EQ(judge({addresses(true, page, 9 * page)}, facts).kind, Kind::allowed);
    EXPECT_EQ(judge({addresses(false, 2 * page, 9 * page)}, facts).kind, Kind::allowed);
    facts.range = {~std::uint64_t{0} / page * page - page, ~std::uint64_t{0} / page * page};
    EXPECT_EQ(judge({addresses(false, 0, ~std::uint64_t{0})}, facts).kind, Kind::rejected);
}

TEST(Filters, SayWhatTheyAskFor) {
    const auto only = [](FilterKind kind) { return std::vector{reject(kind, "*")}; };
    for (const FilterKind kind :
         {FilterKind::anonymous, FilterKind::file, FilterKind::mapping, FilterKind::address,
          FilterKind::huge_page, FilterKind::young, FilterKind::target, FilterKind::cgroup}) {
        SCOPED_TRACE(static_cast<int>(kind));
        const bool anonymity = kind == FilterKind::anonymous || kind == FilterKind::file;
        EXPECT_EQ(ask_for_pages(only(kind)),
                  anonymity || kind == FilterKind::huge_page || kind == FilterKind::young);
        EXPECT_EQ(ask_for_mappings(only(kind)), anonymity || kind == FilterKind::mapping);
        EXPECT_EQ(ask_for_young(only(kind)), kind == FilterKind::young);
        EXPECT_EQ(ask_for_cgroup(only(kind)), kind == FilterKind::cgroup);
    }
    EXPECT_FALSE(ask_for_pages({}) || ask_for_mappings({}) || ask_for_cgroup({}));
}

TEST(Patterns, HaveStarsAndQuestionMarks) {
    EXPECT_TRUE(matches_pattern("", ""));
    EXPECT_TRUE(matches_pattern("", "**"));
    EXPECT_FALSE(matches_pattern("", "?"));
    EXPECT_FALSE(matches_pattern("a", ""));
    EXPECT_TRUE(matches_pattern("[heap]", "[heap]"));
    EXPECT_FALSE(matches_pattern("[heap]", "heap"));
    EXPECT_TRUE(matches_pattern("/usr/lib/x86/libc.so.6", "/usr/*/libc.so*"));
    EXPECT_FALSE(matches_pattern("/usr/lib/libm.so.6", "/usr/*/libc.so*"));
    EXPECT_TRUE(matches_pattern("/a/b", "/a?b"));
    EXPECT_TRUE(matches_pattern("aaab", "*aab"));
    EXPECT_TRUE(matches_pattern("abcabd", "a*d"));
    EXPECT_FALSE(matches_pattern("abcabd", "a*c"));
    EXPECT_TRUE(matches_pattern("käse", "k?se"));
    EXPECT_FALSE(matches_pattern("kase", "k??se"));
}

TEST(Patterns, TakeNoLongerThanTextTimesPattern) {
    // Backtracking over every star would not end.
    const std::string text(20'000, 'a');
    std::string pattern;
    for (int i = 0; i < 100; ++i) pattern += "a*";
    EXPECT_FALSE(matches_pattern(text, pattern + "b"));
    EXPECT_TRUE(matches_pattern(text, pattern));
}

bool fits_by_recursion(std::string_view text, std::string_view pattern) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*')
        return fits_by_recursion(text, pattern.substr(1)) ||
               (!text.empty() && fits_by_recursion(text.substr(1), pattern));
    return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
           fits_by_recursion(text.substr(1), pattern.substr(1));
}

TEST(Patterns, MatchWhatTheirDefinitionSays) {
    EXPECT_TRUE(rc::check([] {
        const auto any_text = [](std::string_view letters) {
            std::string text;
            const auto length = *rc::gen::inRange(0, 9);
            for (int i = 0; i < length; ++i)
                text += letters[*rc::gen::inRange<std::size_t>(0, letters.size())];
            return text;
        };
        const std::string text = any_text("ab");
        const std::string pattern = any_text("ab*?");
        RC_ASSERT(matches_pattern(text, pattern) == fits_by_recursion(text, pattern));
    }));
}

std::vector<AddressRange> ranges(const std::vector<FilterPiece>& pieces) {
    std::vector<AddressRange> ranges;
    for (const FilterPiece& piece : pieces) ranges.push_back(piece.range);
    return ranges;
}

TEST(CutForFilters, CutsWhereMappingsAndAddressesBeginAndEnd) {
    const std::vector<MappedArea> mappings{area(2 * page, 4 * page, false, false, "a"),
                                           area(4 * page, 5 * page, true, false, "b"),
                                           area(8 * page, 20 * page, false, false, "c")};
    std::vector<FilterPiece> pieces(7);
    cut_for_filters({addresses(true, 9 * page, 30 * page)}, {page, 12 * page}, mappings, pieces);
    using R = AddressRange;
    EXPECT_THAT(ranges(pieces),
                ElementsAre(R{page, 2 * page}, R{2 * page, 4 * page}, R{4 * page, 5 * page},
                            R{5 * page, 8 * page}, R{8 * page, 9 * page}, R{9 * page, 12 * page}));
    EXPECT_EQ(pieces[0].mapping, nullptr);
    EXPECT_EQ(pieces[1].mapping, &mappings[0]);
    EXPECT_EQ(pieces[2].mapping, &mappings[1]);
    EXPECT_EQ(pieces[3].mapping, nullptr);
    EXPECT_EQ(pieces[4].mapping, &mappings[2]);
    EXPECT_EQ(pieces[5].mapping, &mappings[2]);
    cut_for_filters({}, {page, page}, mappings, pieces);
    EXPECT_TRUE(pieces.empty());
}

// Each page of a piece is judged as the piece is, and pieces cover the range.
TEST(CutForFilters, MakesPiecesThatAreTheSameThroughout) {
    EXPECT_TRUE(rc::check([] {
        const auto address = [] { return *rc::gen::inRange<std::uint64_t>(0, 40 * page); };
        std::vector<MappedArea> mappings;
        for (std::uint64_t at = 0; at < 40;) {
            const auto end = at + *rc::gen::inRange<std::uint64_t>(1, 9);
            if (*rc::gen::arbitrary<bool>())
                mappings.push_back(area(at * page, end * page, *rc::gen::arbitrary<bool>(),
                                        *rc::gen::arbitrary<bool>(),
                                        *rc::gen::element<std::string>("", "[heap]", "/lib")));
            at = end;
        }
        std::vector<Filter> filters;
        const auto count = *rc::gen::inRange(0, 4);
        for (int i = 0; i < count; ++i) {
            filters.push_back(filter(*rc::gen::arbitrary<bool>(),
                                     *rc::gen::element(FilterKind::address, FilterKind::mapping,
                                                       FilterKind::anonymous, FilterKind::file),
                                     *rc::gen::element<std::string>("*", "[heap]", "/lib")));
            filters.back().range = {address(), address()};
        }
        const AddressRange range{address() / page * page, address() / page * page};
        std::vector<FilterPiece> pieces;
        cut_for_filters(filters, range, mappings, pieces);
        std::uint64_t position = range.start;
        for (const FilterPiece& piece : pieces) {
            RC_ASSERT(piece.range.start == position);
            RC_ASSERT(!piece.range.empty());
            RC_ASSERT(piece.range.end % page == 0);
            position = piece.range.end;
            FilterFacts facts;
            facts.mapping = piece.mapping;
            facts.unmapped = piece.mapping == nullptr;
            facts.range = piece.range;
            const FilterVerdict whole = judge(filters, facts);
            for (auto at = piece.range.start; at < piece.range.end; at += page) {
                const MappedArea* here = nullptr;
                for (const MappedArea& mapping : mappings)
                    if (mapping.range.start <= at && at < mapping.range.end) here = &mapping;
                RC_ASSERT(here == piece.mapping);
                facts.range = {at, at + page};
                const FilterVerdict one = judge(filters, facts);
                RC_ASSERT(one.kind == whole.kind);
                RC_ASSERT(one.by == whole.by);
            }
        }
        RC_ASSERT(position == (range.empty() ? range.start : range.end));
    }));
}

}  // namespace
}  // namespace damon_schemes
