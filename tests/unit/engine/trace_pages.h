// SPDX-License-Identifier: MIT
// Pages of the kernel's trace buffer as trace_pipe_raw hands them out, and the formats of the
// events in them, for tests to write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace damon_schemes::testing {

// As Linux 6.12 has them.
inline const std::string common_fields =
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";
inline const std::string aggregated_format =
    "name: damon_aggregated\nID: 501\nformat:\n" + common_fields +
    "\tfield:unsigned long target_id;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned int nr_regions;\toffset:16;\tsize:4;\tsigned:0;\n"
    "\tfield:unsigned long start;\toffset:24;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned long end;\toffset:32;\tsize:8;\tsigned:0;\n"
    "\tfield:unsigned int nr_accesses;\toffset:40;\tsize:4;\tsigned:0;\n"
    "\tfield:unsigned int age;\toffset:44;\tsize:4;\tsigned:0;\n"
    "\nprint fmt: \"target_id=%lu nr_regions=%u %lu-%lu: %u %u\", REC->target_id\n";
inline const std::string exec_format =
    "name: sched_process_exec\nID: 316\nformat:\n" + common_fields +
    "\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;\n"
    "\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n"
    "\tfield:pid_t old_pid;\toffset:16;\tsize:4;\tsigned:1;\n"
    "\nprint fmt: \"filename=%s pid=%d old_pid=%d\", __get_str(filename)\n";
inline const std::string exit_format = "name: sched_process_exit\nID: 318\nformat:\n" +
                                       common_fields +
                                       "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
                                       "\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n"
                                       "\tfield:int prio;\toffset:28;\tsize:4;\tsigned:1;\n"
                                       "\nprint fmt: \"comm=%s pid=%d prio=%d\", REC->comm\n";

// Bytes of one event, written where its format says.
class EventBytes {
  public:
    explicit EventBytes(std::size_t size) : bytes_(size) {}
    template <typename Number>
    EventBytes& put(std::size_t offset, Number number) {
        std::memcpy(bytes_.data() + offset, &number, sizeof number);
        return *this;
    }
    const std::vector<std::byte>& bytes() const { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

struct AggregatedEvent {
    std::int32_t kdamond = 0;
    std::uint64_t target = 0;
    std::uint32_t regions = 1;
    std::uint64_t start = 0, end = 0;
    std::uint32_t accesses = 0, age = 0;

    std::vector<std::byte> bytes() const {
        return EventBytes(48)
            .put(0, std::uint16_t{501})
            .put(4, kdamond)
            .put(8, target)
            .put(16, regions)
            .put(24, start)
            .put(32, end)
            .put(40, accesses)
            .put(44, age)
            .bytes();
    }
};
inline std::vector<std::byte> exec_event(std::int32_t pid) {
    return EventBytes(32).put(0, std::uint16_t{316}).put(4, pid).put(12, pid).bytes();
}
inline std::vector<std::byte> exit_event(std::int32_t pid) {
    return EventBytes(32).put(0, std::uint16_t{318}).put(4, pid).put(24, pid).bytes();
}

// One page; times are absolute, and rise.
class TracePage {
  public:
    static constexpr std::size_t size = 4096;

    explicit TracePage(std::uint64_t time, bool lost = false) : time_(time), lost_(lost) {
        put(std::uint64_t{time});
        put(std::uint64_t{0});
    }
    TracePage& add(std::uint64_t time, const std::vector<std::byte>& event) {
        const std::uint64_t delta = advance(time);
        const auto words = static_cast<std::uint32_t>((event.size() + 3) / 4);
        if (words <= 28) {
            put(static_cast<std::uint32_t>(delta << 5 | words));
        } else {
            put(static_cast<std::uint32_t>(delta << 5));
            put(static_cast<std::uint32_t>(event.size() + 4));
        }
        bytes_.insert(bytes_.end(), event.begin(), event.end());
        bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
        return *this;
    }
    // What was taken back after it had been begun; the kernel counts no time for it.
    TracePage& add_padding(std::size_t words) {
        put(static_cast<std::uint32_t>(1U << 5 | 29U));
        put(static_cast<std::uint32_t>(4 + words * 4));
        bytes_.resize(bytes_.size() + words * 4);
        return *this;
    }
    // An absolute time, as the kernel writes it where a delta cannot be trusted.
    TracePage& add_time_stamp(std::uint64_t time) {
        time_ = time;
        put(static_cast<std::uint32_t>((time & ((1U << 27) - 1)) << 5 | 31U));
        put(static_cast<std::uint32_t>(time >> 27));
        return *this;
    }
    // Nothing follows.
    TracePage& close() {
        put(std::uint32_t{29});
        return *this;
    }
    std::vector<std::byte> bytes() const {
        std::vector<std::byte> page = bytes_;
        std::uint64_t commit = bytes_.size() - 16;
        if (lost_) commit |= std::uint64_t{1} << 31;
        std::memcpy(page.data() + 8, &commit, sizeof commit);
        page.resize(size);
        return page;
    }

  private:
    template <typename Number>
    void put(Number number) {
        const auto at = bytes_.size();
        bytes_.resize(at + sizeof number);
        std::memcpy(bytes_.data() + at, &number, sizeof number);
    }
    std::uint64_t advance(std::uint64_t time) {
        std::uint64_t delta = time - time_;
        time_ = time;
        if (delta >> 27 != 0) {
            put(static_cast<std::uint32_t>((delta & ((1U << 27) - 1)) << 5 | 30U));
            put(static_cast<std::uint32_t>(delta >> 27));
            delta = 0;
        }
        return delta;
    }

    std::uint64_t time_;
    bool lost_;
    std::vector<std::byte> bytes_;
};

}  // namespace damon_schemes::testing
