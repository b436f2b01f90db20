// SPDX-License-Identifier: MIT
#include "benchmarks/parsec/suite/dedup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/parsec/suite/chunker.h"
#include "benchmarks/parsec/suite/file_tree.h"
#include "benchmarks/parsec/suite/sha1.h"
#include "benchmarks/random.h"
#include "ledger_by_hand.h"

namespace damon_schemes::parsec {
namespace {

std::vector<std::byte> noise(std::size_t bytes, std::uint64_t seed) {
    bench::Random random(seed);
    std::vector<std::byte> data(bytes);
    for (std::byte& byte : data) byte = static_cast<std::byte>(random.next());
    return data;
}

std::string hex(const std::string& text) {
    std::string result;
    for (const std::uint8_t byte : sha1_of(std::as_bytes(std::span(text)))) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", byte);
        result += digits;
    }
    return result;
}

std::vector<std::size_t> cuts_of(std::span<const std::byte> data) {
    const Chunker chunker;
    std::vector<std::size_t> lengths;
    while (!data.empty()) {
        lengths.push_back(chunker.cut(data));
        data = data.subspan(lengths.back());
    }
    return lengths;
}

// The examples of FIPS 180.
TEST(Sha1Hash, IsWhatTheStandardSays) {
    EXPECT_EQ(hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    EXPECT_EQ(hex(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Chunker, CutsWithinItsBoundsAndLosesNothing) {
    const auto data = noise(std::size_t{2} << 20, 1);
    const auto lengths = cuts_of(data);
    std::size_t total = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        total += lengths[i];
        ASSERT_LE(lengths[i], Chunker::most);
        if (i + 1 < lengths.size()) {
            ASSERT_GE(lengths[i], Chunker::least);
        }
    }
    EXPECT_EQ(total, data.size());
    const double mean = static_cast<double>(total) / static_cast<double>(lengths.size());
    EXPECT_GT(mean, 6 << 10);
    EXPECT_LT(mean, 16 << 10);
}

TEST(Chunker, CutsWhatNeverChangesAtItsMost) {
    const std::vector<std::byte> same(200'000);
    EXPECT_THAT(cuts_of(same), testing::ElementsAre(Chunker::most, Chunker::most, Chunker::most,
                                                    200'000 - 3 * Chunker::most));
}

TEST(Chunker, AnInsertionMovesOnlyTheCutsNextToIt) {
    const auto data = noise(std::size_t{1} << 20, 2);
    auto changed = data;
    changed.insert(changed.begin() + 100'000, 17, std::byte{'x'});
    const auto ends = [](const std::vector<std::byte>& of) {
        std::set<std::size_t> from_the_end;
        std::size_t at = 0;
        for (const std::size_t length : cuts_of(of))
            from_the_end.insert(of.size() - (at += length));
        return from_the_end;
    };
    const auto before = ends(data);
    const auto after = ends(changed);
    std::vector<std::size_t> kept;
    std::set_intersection(before.begin(), before.end(), after.begin(), after.end(),
                          std::back_inserter(kept));
    EXPECT_GE(kept.size() + 6, before.size());
}

TEST(FingerprintTable, FindsTheFirstOfEach) {
    Ledger ledger(by_hand());
    FingerprintTable table(ledger, 1000);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const Sha1 fingerprint = sha1_of(std::as_bytes(std::span(&i, 1)));
        EXPECT_EQ(table.find_or_put(fingerprint, i), i);
        EXPECT_EQ(table.find_or_put(fingerprint, i + 5000), i);
    }
}

TEST(FingerprintTable, SaysThatItIsFull) {
    Ledger ledger(by_hand());
    FingerprintTable table(ledger, 2);
    std::uint32_t i = 0;
    const auto put = [&] { return table.find_or_put(sha1_of(std::as_bytes(std::span(&i, 1))), i); };
    EXPECT_THROW(for (; i < 100; ++i) put(), std::length_error);
}

TEST(Dedup, UnpacksToWhatWasPutIn) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(std::size_t{1} << 20);
    FileTree({0.5, 3}).read(ledger, memory);
    Dedup dedup(ledger, 1, memory.size());
    dedup.add(memory.first(300'000));
    dedup.add(memory.subspan(300'000));
    EXPECT_EQ(dedup.check(memory), "");
    EXPECT_EQ(dedup.figures().input_bytes, memory.size());
    EXPECT_LT(dedup.figures().packed_bytes, memory.size() / 2);
}

TEST(Dedup, StoresOnceWhatOccursTwice) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(std::size_t{1} << 20);
    const auto half = noise(memory.size() / 2, 4);
    std::copy(half.begin(), half.end(), memory.begin());
    std::copy(half.begin(), half.end(), memory.begin() + static_cast<std::ptrdiff_t>(half.size()));
    Dedup dedup(ledger, 1, memory.size());
    dedup.add(memory);
    const DedupFigures& figures = dedup.figures();
    // But for the chunk over the middle, and the one after it.
    EXPECT_LE(figures.new_chunks, figures.chunks / 2 + 3);
    EXPECT_LT(figures.packed_bytes, memory.size() * 6 / 10);
    EXPECT_EQ(dedup.check(memory), "");
}

TEST(Dedup, NamesEachChunkByAllItsBytes) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(400'000);
    FileTree({0.7, 5}).read(ledger, memory);
    Dedup dedup(ledger, 1, memory.size());
    dedup.add(memory);
    std::set<std::string> different;
    std::size_t at = 0;
    for (const ChunkRecord& record : dedup.records()) {
        different.emplace(reinterpret_cast<const char*>(memory.data() + at), record.raw_bytes);
        at += record.raw_bytes;
    }
    EXPECT_EQ(at, memory.size());
    EXPECT_EQ(dedup.figures().new_chunks, different.size());
}

TEST(Dedup, CheckSeesABitThatIsOff) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(200'000);
    FileTree({0.3, 6}).read(ledger, memory);
    Dedup dedup(ledger, 1, memory.size());
    dedup.add(memory);
    const ChunkRecord record = dedup.records()[1];
    std::byte& packed =
        dedup.archive().at(record.place, record.packed_bytes)[record.packed_bytes / 2];
    packed ^= std::byte{8};
    EXPECT_THAT(dedup.check(memory), testing::HasSubstr("the chunk at byte "));
    packed ^= std::byte{8};
    ASSERT_EQ(dedup.check(memory), "");
    memory[memory.size() - 1] ^= std::byte{1};
    EXPECT_THAT(dedup.check(memory), testing::HasSubstr("is not what was put in"));
}

TEST(FileTree, RepeatsAsMuchAsAsked) {
    Ledger ledger(by_hand());
    const auto share_new = [&](double repeated) {
        const auto memory = ledger.allocate(std::size_t{2} << 20);
        FileTree({repeated, 1}).read(ledger, memory);
        Dedup dedup(ledger, 1, memory.size());
        dedup.add(memory);
        return static_cast<double>(dedup.figures().new_chunks) /
               static_cast<double>(dedup.figures().chunks);
    };
    EXPECT_GT(share_new(0), 0.99);
    EXPECT_LT(share_new(0.8), 0.6);
}

TEST(FileTree, LooksAtNothingThatWasReadBefore) {
    Ledger ledger(by_hand());
    const auto memory = ledger.allocate(std::size_t{2} << 20, page_bytes);
    FileTree files({0.8, 1});
    files.read(ledger, memory.first(memory.size() / 2));
    ledger.advance(std::chrono::seconds(10));
    files.read(ledger, memory.subspan(memory.size() / 2));
    ledger.advance(std::chrono::seconds(11));
    const Balance balance = ledger.close();
    EXPECT_EQ(balance.course.back().touched_bytes, memory.size());
    EXPECT_EQ(balance.course.back().hot_bytes, memory.size() / 2);
}

}  // namespace
}  // namespace damon_schemes::parsec
