// SPDX-License-Identifier: MIT
// damon-schemes record, from a program that uses its memory to what is in the file.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command.h"
#include "process.h"
#include "session.h"

namespace damon_schemes::vm {
namespace {

constexpr std::uint64_t hot_bytes = 8 << 20, cold_bytes = 32 << 20;

class Record : public testing::Test {
  protected:
    void SetUp() override {
        NEEDS_MODULE();
        remove_files();
        hot = target.map("hot", hot_bytes);
        target.map("cold", cold_bytes);
        target.ask("fill hot 1");
        target.ask("fill cold 2");
        target.hot("hot");
    }
    void TearDown() override {
        remove_files();
        if (IsSkipped() || access(DAMON_SCHEMES_DEVICE, F_OK) != 0) return;
        // However it ended, nothing is left in the kernel.
        Session session;
        EXPECT_TRUE(eventually([&] { return session.add(target.pid()) != EBUSY; }));
    }
    static void remove_files() {
        for (const char* name : {file, "/tmp/vm_record.dsr.old", converted}) unlink(name);
    }
    static std::uint64_t size_of(const char* name) {
        struct stat status {};
        return stat(name, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
    }
    static std::unique_ptr<Command> record(pid_t pid) {
        return std::make_unique<Command>(
            std::vector<std::string>{"damon-schemes", "record", "--json", "-s", "10ms", "-A",
                                     "200ms", "-o", file, "--pid", std::to_string(pid)});
    }
    // Until there is more in the file than its beginning.
    static bool comes_to_record(Command& command) {
        return eventually([&] { return !command.running() || size_of(file) > 5000; }) &&
               command.running();
    }

    // What DAMON's version 1 says of it: a snapshot is its regions and their nr_accesses.
    struct Region {
        std::uint64_t start, end;
        std::uint32_t accesses;
    };
    struct Converted {
        std::string said;
        std::vector<std::vector<Region>> snapshots;
    };
    static Converted convert() {
        Command command(
            {"damon-schemes", "convert", "--force", "--format", "damon-1", file, converted});
        EXPECT_EQ(command.wait(), 0) << command.err();
        Converted result{command.err(), {}};
        std::ifstream stream(converted, std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
        std::size_t at = 20;
        const auto take = [&](auto& into) {
            if (bytes.size() - at < sizeof(into)) {
                ADD_FAILURE() << "cut at " << at;
                at = bytes.size();
                return;
            }
            std::memcpy(&into, bytes.data() + at, sizeof(into));
            at += sizeof(into);
        };
        while (at < bytes.size()) {
            std::int64_t time[2] = {};
            std::uint32_t targets = 0;
            take(time);
            take(targets);
            auto& snapshot = result.snapshots.emplace_back();
            for (; targets > 0 && at < bytes.size(); --targets) {
                std::int32_t pid = 0;
                std::uint32_t regions = 0;
                take(pid);
                take(regions);
                for (; regions > 0 && at < bytes.size(); --regions) {
                    Region region{};
                    take(region.start);
                    take(region.end);
                    take(region.accesses);
                    snapshot.push_back(region);
                }
            }
        }
        return result;
    }

    static constexpr const char* file = "/tmp/vm_record.dsr";
    static constexpr const char* converted = "/tmp/vm_record.data";
    Target target;
    Area hot;
};

TEST_F(Record, WhatAProgramUsesIsInTheFile) {
    auto command = record(target.pid());
    ASSERT_TRUE(comes_to_record(*command)) << command->err();
    command->signal(SIGINT);
    ASSERT_EQ(command->wait(), 0) << command->err();
    const auto summary = nlohmann::json::parse(command->out(), nullptr, false);
    ASSERT_FALSE(summary.is_discarded()) << command->out();
    EXPECT_EQ(summary["bytes"].get<std::uint64_t>(), size_of(file));
    EXPECT_EQ(summary["dropped"].get<std::uint64_t>(), 0U);

    const Converted found = convert();
    EXPECT_EQ(found.snapshots.size(), summary["snapshots"].get<std::size_t>());
    EXPECT_EQ(found.said.find("warning"), std::string::npos) << found.said;
    bool hot_seen = false;
    for (const auto& snapshot : found.snapshots)
        for (const auto& region : snapshot)
            hot_seen |= region.accesses > 0 && region.start < hot.end && hot.start < region.end;
    EXPECT_TRUE(hot_seen);
}

TEST_F(Record, ARecorderThatIsKilledLeavesWhatItHadRecorded) {
    auto command = record(target.pid());
    ASSERT_TRUE(comes_to_record(*command)) << command->err();
    command->signal(SIGKILL);
    command->wait();
    const Converted found = convert();
    EXPECT_NE(found.said.find("warning"), std::string::npos) << found.said;
    EXPECT_GT(found.snapshots.size(), 0U);
}

TEST_F(Record, TwoAtOnceUnderOneNameAreBothWhole) {
    Target other;
    other.map("memory", 4 << 20);
    auto first = record(target.pid());
    ASSERT_TRUE(comes_to_record(*first)) << first->err();
    auto second = record(other.pid());
    ASSERT_TRUE(comes_to_record(*second)) << second->err();
    for (auto* command : {first.get(), second.get()}) {
        command->signal(SIGTERM);
        EXPECT_EQ(command->wait(), 0) << command->err();
    }
    EXPECT_EQ(convert().said.find("warning"), std::string::npos);
    ASSERT_EQ(std::rename("/tmp/vm_record.dsr.old", file), 0);
    EXPECT_EQ(convert().said.find("warning"), std::string::npos);
}

TEST_F(Record, ACommandsStatusIsItsOwn) {
    Command command({"damon-schemes", "record", "-o", file, "--", "sh", "-c", "sleep 1; exit 7"});
    EXPECT_EQ(command.wait(), 7) << command.err();
    EXPECT_EQ(convert().said.find("warning"), std::string::npos);
}

}  // namespace
}  // namespace damon_schemes::vm
