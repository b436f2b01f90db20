// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/workload.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "benchmarks/accuracy/touch_set.h"
#include "benchmarks/accuracy/truth_file.h"
#include "benchmarks/random.h"

namespace damon_schemes::accuracy {
namespace {

using std::chrono::milliseconds;

// Between areas, so that each is a mapping of its own and huge pages fit.
constexpr std::uint64_t gap = 4 << 20;
// Touches between two looks at the clock.
constexpr std::size_t batch = 16;
// Of an access with a round, before the others have their turn.
constexpr std::uint64_t turn = 256;
// What an access with a share of time may catch up with, if it was kept from running.
constexpr Duration most_behind = milliseconds(5);
// And what it is made to wait for, if it was interrupted while it ran.
constexpr Duration most_ahead = milliseconds(1);
constexpr Duration shortest_sleep = std::chrono::microseconds(200);
constexpr double enough_huge = 0.99;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

Instant now() {
    return std::chrono::steady_clock::now();
}

void sleep_until(Instant when) {
    const std::int64_t at = when.time_since_epoch().count();
    const timespec until{at / 1'000'000'000, at % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

char* map_memory(void* at, std::uint64_t bytes, int protection, int flags, int file = -1,
                 std::uint64_t offset = 0) {
    void* memory = mmap(at, bytes, protection, flags, file, static_cast<off_t>(offset));
    if (memory == MAP_FAILED) fail("no memory of " + std::to_string(bytes) + " bytes");
    return static_cast<char*>(memory);
}

std::uint64_t address_of(const char* memory) {
    return reinterpret_cast<std::uintptr_t>(memory);
}

// Memory that is only reserved until it is used; given back with the object.
class Store {
  public:
    explicit Store(std::uint64_t bytes)
        : bytes_(bytes),
          memory_(map_memory(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)) {}
    ~Store() { munmap(memory_, bytes_); }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    char* begin() const { return memory_; }
    std::uint64_t size() const { return bytes_; }
    AddressRange range() const { return {address_of(memory_), address_of(memory_) + bytes_}; }

  private:
    std::uint64_t bytes_;
    char* memory_;
};

struct LiveArea {
    PlannedArea plan;
    char* start = nullptr;
    std::uint64_t most = 0, size = 0;  // bytes
    unsigned shift = 12;               // of a unit
    int file = -1;
    bool scored = true;
    bool dirty = false;  // something was touched in this slot
    std::span<std::uint64_t> bitmap;
    std::vector<Mapping> mappings;

    std::uint64_t units() const { return most >> shift; }
};

struct LiveAccess {
    TouchSet set;
    LiveArea* area = nullptr;
    double share = 0;
    double touches_a_ns = 0;  // of a round
    bool random = false;
    std::uint32_t writes = 0;  // ppm
    bench::Random dice{0};
    std::uint64_t position = 0;
    std::uint64_t done = 0;  // touches
    Duration spent{};

    Duration behind(Duration elapsed) const {
        return Duration(static_cast<std::int64_t>(share * static_cast<double>(elapsed.count()))) -
               spent;
    }
    std::uint64_t due(Duration elapsed) const {
        return static_cast<std::uint64_t>(touches_a_ns * static_cast<double>(elapsed.count()));
    }
};

std::uint64_t most_bytes(const ProgramPlan& program) {
    std::uint64_t bytes = gap;
    for (std::size_t i = 0; i < program.areas.size(); ++i)
        if (!program.areas[i].inherited)
            bytes += (program.most_of(i).count + gap - 1) / gap * gap + gap;
    return bytes;
}

}  // namespace

class Workload::Program {
  public:
    Program(PhaseFile file, WorkloadOptions options)
        : file_(std::move(file)),
          options_(std::move(options)),
          plan_(&file_.program),
          bitmaps_(bitmap_bytes()),
          record_(record_bytes()) {
        place_areas();
        for (LiveArea& area : areas_) resize(area, area.plan.size.count);
        for (LiveArea& area : areas_) {
            // What was touched so far was before the first slot.
            std::fill(area.bitmap.begin(), area.bitmap.end(), 0);
            area.dirty = false;
        }
        check_huge_pages();
    }

    AddressRange mapped(std::size_t area) const {
        const std::uint64_t start = address_of(areas_[area].start);
        return {start, start + areas_[area].size};
    }

    Truth run() {
        begin_ = now();
        slot_ = 0;
        for (LiveArea& area : areas_)
            for (Mapping& mapping : area.mappings) mapping.from = begin_;
        end_ = begin_ + plan_->duration();
        run_phases(begin_);
        Truth truth = told();
        for (std::size_t i = 0; i < children_.size(); ++i) absorb_child(i, truth);
        return truth;
    }

  private:
    struct FrameHead {
        std::uint64_t area = 0, slot = 0, length = 0;
    };

    std::uint64_t bitmap_bytes() const {
        std::uint64_t bytes = most_bytes(file_.program) / page_bytes / 8;
        for (const PlannedChild& child : file_.children)
            bytes += most_bytes(child.program) / page_bytes / 8;
        return (bytes + 64 * 8 * 64) / page_bytes * page_bytes + page_bytes;
    }

    std::uint64_t record_bytes() const {
        // A frame for each area and slot, were every bit in doubt; some more slots than there are.
        const auto slots =
            static_cast<std::uint64_t>(file_.program.duration() / options_.slot) + 100;
        return slots * (bitmap_bytes() + 64 * 64) / page_bytes * page_bytes;
    }

    // Finds room for all areas, those of children too, and leaves it unmapped.
    void place_areas() {
        std::uint64_t bytes = most_bytes(file_.program);
        for (const PlannedChild& child : file_.children) bytes += most_bytes(child.program);
        char* room =
            map_memory(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
        munmap(room, bytes);
        next_place_ = reinterpret_cast<char*>((address_of(room) + gap - 1) / gap * gap);
        next_bitmap_ = reinterpret_cast<std::uint64_t*>(bitmaps_.begin());
        add_areas(*plan_);
    }

    // Children's areas come behind their parent's, each child's at the same places.
    void add_areas(const ProgramPlan& program) {
        for (std::size_t i = 0; i < program.areas.size(); ++i) {
            if (program.areas[i].inherited) continue;
            LiveArea area;
            area.plan = program.areas[i];
            area.shift = area.plan.huge ? 21 : 12;
            area.most = program.most_of(i).count;
            area.start = next_place_;
            next_place_ += (area.most + gap - 1) / gap * gap + gap;
            area.bitmap = {next_bitmap_, words_of(area.units())};
            next_bitmap_ += area.bitmap.size();
            area.mappings.reserve(2 * program.phases.size() + 2);
            if (area.plan.kind == AreaKind::file) open_file(area);
            areas_.push_back(std::move(area));
        }
    }

    void open_file(LiveArea& area) const {
        std::string path = options_.folder + "/damon-schemes-phases-XXXXXX";
        area.file = mkostemp(path.data(), O_CLOEXEC);
        if (area.file < 0 || unlink(path.c_str()) != 0 ||
            ftruncate(area.file, static_cast<off_t>(area.most)) != 0)
            fail("no file for an area in " + options_.folder);
    }

    void resize(LiveArea& area, std::uint64_t size) {
        if (size < area.size) {
            const AddressRange gone{address_of(area.start) + size,
                                    address_of(area.start) + area.size};
            const Instant when = now();
            // What stays mapped goes on; what goes ends now.
            const std::size_t before = area.mappings.size();
            for (std::size_t i = 0; i < before; ++i) {
                const Mapping mapping = area.mappings[i];
                if (mapping.to != Instant::max() || mapping.range.end <= gone.start) continue;
                area.mappings[i].to = when;
                area.mappings[i].range.start = std::max(mapping.range.start, gone.start);
                if (mapping.range.start < gone.start)
                    area.mappings.push_back(
                        {{mapping.range.start, gone.start}, mapping.from, Instant::max()});
            }
            if (munmap(area.start + size, area.size - size) != 0) fail("munmap");
            area.size = size;
            return;
        }
        if (size == area.size) return;
        const std::uint64_t more = size - area.size;
        char* at = area.start + area.size;
        const int sharing = area.plan.kind == AreaKind::anonymous ? MAP_PRIVATE | MAP_ANONYMOUS
                            : area.plan.kind == AreaKind::shared  ? MAP_SHARED | MAP_ANONYMOUS
                                                                  : MAP_SHARED;
        map_memory(at, more, PROT_READ | PROT_WRITE, sharing | MAP_FIXED_NOREPLACE, area.file,
                   area.file < 0 ? 0 : area.size);
        if (area.plan.kind != AreaKind::file &&
            madvise(at, more, area.plan.huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) != 0)
            fail("madvise");
        const std::uint64_t from = area.size;
        area.size = size;
        for (std::uint64_t offset = from; offset < size;) {
            for (std::size_t i = 0; i < batch && offset < size; ++i, offset += page_bytes)
                touch(area, offset, true);
            settle(now());
        }
        // Only from now on: before, not all of it was there.
        area.mappings.push_back({{address_of(area.start) + from, address_of(area.start) + size},
                                 now(),
                                 Instant::max()});
    }

    void check_huge_pages() const {
        std::uint64_t wanted = 0, found = 0;
        std::ifstream smaps("/proc/self/smaps");
        bool ours = false;
        for (std::string line; std::getline(smaps, line);) {
            std::istringstream words(line);
            std::string first;
            words >> first;
            if (const auto dash = first.find('-'); dash != std::string::npos) {
                const std::uint64_t start = std::strtoull(first.c_str(), nullptr, 16);
                ours = std::any_of(areas_.begin(), areas_.end(), [start](const LiveArea& area) {
                    return area.plan.huge && start >= address_of(area.start) &&
                           start < address_of(area.start) + area.size;
                });
            } else if (ours && first == "AnonHugePages:") {
                std::uint64_t kib = 0;
                words >> kib;
                found += kib << 10;
            }
        }
        for (const LiveArea& area : areas_)
            if (area.plan.huge) wanted += area.size;
        if (static_cast<double>(found) < enough_huge * static_cast<double>(wanted))
            throw std::runtime_error("the kernel made huge pages of " + std::to_string(found) +
                                     " bytes of " + std::to_string(wanted));
    }

    void touch(LiveArea& area, std::uint64_t offset, bool write) {
        auto* word = reinterpret_cast<volatile std::uint64_t*>(area.start + offset);
        if (write)
            *word = offset;
        else
            (void)*word;
        const std::uint64_t unit = offset >> area.shift;
        area.bitmap[unit / 64] |= std::uint64_t{1} << (unit % 64);
        area.dirty = true;
        open_touches_[open_count_++] = {&area, unit};
    }

    // After at most `batch` touches: they belong to the slot that was current before them, or,
    // where another has begun meanwhile, perhaps to that one; then to both.
    void settle(Instant time) {
        const auto slot =
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, (time - begin_) / options_.slot));
        if (slot != slot_ && begin_ != Instant()) {
            for (std::size_t i = 0; i < areas_.size(); ++i) close_slot(i);
            slot_ = slot;
            for (std::size_t i = 0; i < open_count_; ++i) {
                const auto& [area, unit] = open_touches_[i];
                area->bitmap[unit / 64] |= std::uint64_t{1} << (unit % 64);
                area->dirty = true;
            }
        }
        open_count_ = 0;
    }

    void close_slot(std::size_t which) {
        LiveArea& area = areas_[which];
        if (!area.dirty) return;
        const std::size_t most = sizeof(FrameHead) + longest_touches(area.units());
        if (recorded_ + most > record_.size())
            throw std::runtime_error("there is no room left for the record");
        auto* bytes = reinterpret_cast<std::uint8_t*>(record_.begin() + recorded_);
        FrameHead head{which, slot_, 0};
        head.length = encode_touches(
            area.bitmap, std::span(bytes + sizeof(head), longest_touches(area.units())));
        std::memcpy(bytes, &head, sizeof(head));
        recorded_ += sizeof(head) + head.length;
        std::fill(area.bitmap.begin(), area.bitmap.end(), 0);
        area.dirty = false;
    }

    void run_phases(Instant start) {
        phases_.reserve(plan_->phases.size());
        for (std::size_t phase = 0; phase < plan_->phases.size(); ++phase) {
            phases_.push_back(start);
            const Instant until = start + plan_->phases[phase].duration;
            for (const auto& [area, size] : plan_->phases[phase].sizes)
                resize(areas_[area], size.count);
            if (plan_ == &file_.program)
                for (std::size_t child = 0; child < file_.children.size(); ++child)
                    if (file_.children[child].forked_in == phase) fork_child(child);
            run_phase(phase, until);
            start = until;
        }
        settle(now());
        for (std::size_t i = 0; i < areas_.size(); ++i) close_slot(i);
    }

    std::vector<LiveAccess> accesses_of(std::size_t phase) {
        std::vector<LiveAccess> accesses;
        std::uint64_t number = 0;
        for (const Access& access : plan_->phases[phase].accesses) {
            LiveArea& area = areas_[access.area];
            LiveAccess live{TouchSet(access, Bytes{area.size}, options_.seed)};
            live.area = &area;
            live.random = access.random;
            live.writes = access.writes.ppm;
            live.dice = bench::Random(options_.seed + 1000 * phase + ++number);
            if (access.share)
                live.share = static_cast<double>(access.share->ppm) / 1e6;
            else
                live.touches_a_ns = static_cast<double>(live.set.touches()) /
                                    static_cast<double>(access.round->count());
            accesses.push_back(std::move(live));
        }
        return accesses;
    }

    void touch_some(LiveAccess& access, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t which =
                access.random ? access.dice.below(access.set.touches()) : access.position;
            if (++access.position == access.set.touches()) access.position = 0;
            const bool write = access.writes == 1'000'000 ||
                               (access.writes != 0 && access.dice.below(1'000'000) < access.writes);
            touch(*access.area, access.set.offset(which), write);
        }
        access.done += count;
    }

    void run_phase(std::size_t phase, Instant until) {
        std::vector<LiveAccess> accesses = accesses_of(phase);
        const Instant start = phases_.back();
        Instant time = now();
        while (time < until) {
            settle(time);
            bool worked = false;
            for (LiveAccess& access : accesses) {
                if (access.touches_a_ns == 0) continue;
                std::uint64_t due = access.due(time - start);
                // Who fell behind by a round goes on from now: a program that was kept from running
                // does not hurry after.
                if (due > access.done + access.set.touches())
                    access.done = due - access.set.touches();
                due = std::min(due - std::min(due, access.done), turn);
                for (; due > 0; worked = true) {
                    const std::uint64_t count = std::min<std::uint64_t>(due, batch);
                    touch_some(access, count);
                    due -= count;
                    time = now();
                    settle(time);
                }
            }
            LiveAccess* most = nullptr;
            for (LiveAccess& access : accesses) {
                if (access.share == 0) continue;
                if (access.behind(time - start) > most_behind)
                    access.spent += access.behind(time - start) - most_behind;
                if (access.behind(time - start) > Duration() &&
                    (most == nullptr || access.behind(time - start) > most->behind(time - start)))
                    most = &access;
            }
            if (most != nullptr) {
                const Instant before = time;
                touch_some(*most, batch);
                time = now();
                most->spent += time - before;
                if (most->behind(time - start) < -most_ahead)
                    most->spent += most->behind(time - start) + most_ahead;
                settle(time);
            } else if (!worked) {
                sleep_until(
                    std::min(until, std::max(time + shortest_sleep, next_due(accesses, start))));
                time = now();
            } else {
                time = now();
            }
        }
    }

    static Instant next_due(const std::vector<LiveAccess>& accesses, Instant start) {
        Instant next = Instant::max();
        for (const LiveAccess& access : accesses) {
            const double after = access.share != 0
                                     ? static_cast<double>(access.spent.count()) / access.share
                                     : static_cast<double>(access.done + 1) / access.touches_a_ns;
            next =
                std::min(next, start + Duration(static_cast<std::int64_t>(std::min(after, 1e18))));
        }
        return next;
    }

    std::string child_path(std::size_t child, pid_t parent) const {
        return options_.folder + "/damon-schemes-phases-" + std::to_string(parent) + "-" +
               std::to_string(child);
    }

    void fork_child(std::size_t which) {
        const pid_t parent = getpid();
        const pid_t pid = fork();
        if (pid < 0) fail("fork");
        if (pid > 0) {
            children_.push_back({which, pid});
            return;
        }
        int status = 1;
        try {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() == parent) {
                become_child(which);
                run_phases(now());
                if (const auto written = write_truth(told(), child_path(which, parent)); written)
                    status = 0;
                else
                    std::fprintf(stderr, "phases: %s\n", written.error().message.c_str());
            }
        } catch (const std::exception& error) {
            std::fprintf(stderr, "phases: a child: %s\n", error.what());
        }
        _exit(status);
    }

    // What the parent has recorded is not ours, and its memory only as a copy.
    void become_child(std::size_t which) {
        plan_ = &file_.children[which].program;
        children_.clear();
        phases_.clear();
        recorded_ = 0;
        open_count_ = 0;
        const Instant time = now();
        end_ = time + plan_->duration();
        slot_ = static_cast<std::uint64_t>((time - begin_) / options_.slot);
        for (LiveArea& area : areas_) {
            std::fill(area.bitmap.begin(), area.bitmap.end(), 0);
            area.dirty = false;
            // The kernel copies no page tables of shared memory and files: nothing of them is
            // there.
            area.scored = area.plan.kind == AreaKind::anonymous;
            std::erase_if(area.mappings,
                          [](const Mapping& mapping) { return mapping.to != Instant::max(); });
            for (Mapping& mapping : area.mappings) mapping.from = time;
        }
        const std::size_t inherited = areas_.size();
        add_areas(*plan_);
        for (std::size_t i = inherited; i < areas_.size(); ++i)
            resize(areas_[i], areas_[i].plan.size.count);
    }

    Truth told() const {
        Truth truth(begin_, options_.slot);
        truth.set_end(end_);
        for (const Instant phase : phases_) truth.add_phase(phase);
        const std::size_t process = truth.add_process(getpid());
        std::vector<std::size_t> numbers;
        for (const LiveArea& area : areas_) {
            Area told{area.plan.name,
                      address_of(area.start),
                      std::uint64_t{1} << area.shift,
                      area.units(),
                      {}};
            if (area.scored) told.mappings = area.mappings;
            // A child is gone when its phases are over.
            for (Mapping& mapping : told.mappings) mapping.to = std::min(mapping.to, end_);
            truth.add_area(process, std::move(told));
        }
        truth.exclude(process, {"bitmaps of the slot", bitmaps_.range()});
        truth.exclude(process, {"record", record_.range()});
        for (std::uint64_t at = 0; at < recorded_;) {
            FrameHead head;
            const auto* bytes = reinterpret_cast<const std::uint8_t*>(record_.begin() + at);
            std::memcpy(&head, bytes, sizeof(head));
            truth.record_encoded(process, head.area, head.slot,
                                 std::span(bytes + sizeof(head), head.length));
            at += sizeof(head) + head.length;
        }
        return truth;
    }

    void absorb_child(std::size_t index, Truth& truth) const {
        const auto& [which, pid] = children_[index];
        int status = 0;
        while (waitpid(pid, &status, 0) < 0)
            if (errno != EINTR) fail("waitpid");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            throw std::runtime_error("a child of the workload failed");
        const std::string path = child_path(which, getpid());
        auto child = read_truth(path);
        unlink(path.c_str());
        if (!child) throw std::runtime_error(child.error().message);
        truth.absorb(std::move(*child));
    }

    struct OpenTouch {
        LiveArea* area = nullptr;
        std::uint64_t unit = 0;
    };

    const PhaseFile file_;
    const WorkloadOptions options_;
    const ProgramPlan* plan_;  // ours
    Store bitmaps_, record_;
    char* next_place_ = nullptr;
    std::uint64_t* next_bitmap_ = nullptr;
    std::vector<LiveArea> areas_;
    std::vector<std::pair<std::size_t, pid_t>> children_;
    std::vector<Instant> phases_;
    Instant begin_{}, end_{};
    std::uint64_t slot_ = 0;  // the current one
    std::uint64_t recorded_ = 0;
    std::array<OpenTouch, batch> open_touches_{};
    std::size_t open_count_ = 0;
};

Workload::Workload(PhaseFile file, WorkloadOptions options)
    : program_(std::make_unique<Program>(std::move(file), std::move(options))) {}
Workload::~Workload() = default;

AddressRange Workload::mapped(std::size_t area) const {
    return program_->mapped(area);
}

Truth Workload::run() {
    return program_->run();
}

}  // namespace damon_schemes::accuracy
