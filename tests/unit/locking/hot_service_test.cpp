// SPDX-License-Identifier: MIT
#include "benchmarks/locking/hot_service.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "benchmarks/locking/memory_presser.h"
#include "engine/targets/procfs.h"

namespace damon_schemes::bench {
namespace {

using namespace std::chrono_literals;

ServiceShape small() {
    ServiceShape shape;
    shape.hot_piece = kibibytes(64);
    shape.cold_piece = kibibytes(128);
    shape.pieces = 3;
    shape.between = 100us;
    return shape;
}

Bytes locked_of(const HotService& service) {
    const auto status = read_file("/proc/" + std::to_string(service.pid()) + "/status");
    return kilobytes_of(*status, "VmLck").value_or(Bytes{});
}

TEST(HotServiceTest, CountsItsRequestsAndWhatTheyTook) {
    const HotService service(small());
    const auto began = std::chrono::steady_clock::now();
    const auto first = service.requests();
    while (service.requests() < first + 200) std::this_thread::sleep_for(1ms);
    const ServiceFigures figures = service.since(first, std::chrono::steady_clock::now() - began);
    EXPECT_GE(figures.requests, 200U);
    EXPECT_GT(figures.requests_per_second, 0);
    EXPECT_LE(figures.p50_ms, figures.p99_ms);
    EXPECT_GE(figures.p99_ms, 0);
    EXPECT_EQ(service.wrong(), 0U);
}

TEST(HotServiceTest, HotMemoryIsWhatTheShapeSays) {
    const HotService service(small());
    const auto hot = service.hot();
    ASSERT_EQ(hot.size(), 3U);
    for (const AddressRange range : hot) EXPECT_EQ(range.size(), kibibytes(64));
    EXPECT_EQ(hot[1].start - hot[0].start, kibibytes(192).count);
}

TEST(HotServiceTest, LocksItsHotMemoryItselfWhereItIsToldTo) {
    ServiceShape shape = small();
    {
        const HotService service(shape);
        EXPECT_EQ(locked_of(service), Bytes{});
    }
    shape.locks_itself = true;
    const HotService service(shape);
    EXPECT_EQ(locked_of(service), shape.hot_bytes());
}

TEST(MemoryPresserTest, UsesItsMemoryOverAndOver) {
    const MemoryPresser presser(mebibytes(1));
    while (!presser.filled()) std::this_thread::sleep_for(1ms);
    while (presser.pages_used() < 1000) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(presser.running());
}

}  // namespace
}  // namespace damon_schemes::bench
