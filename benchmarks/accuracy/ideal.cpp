// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/ideal.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "benchmarks/accuracy/touch_set.h"
#include "benchmarks/random.h"

namespace damon_schemes::accuracy {
namespace {

using Runs = std::vector<UnitRun>;

void join(Runs& runs) {
    std::sort(runs.begin(), runs.end(),
              [](const UnitRun& a, const UnitRun& b) { return a.first < b.first; });
    std::size_t kept = 0;
    for (const UnitRun& run : runs) {
        if (kept > 0 && run.first <= runs[kept - 1].last)
            runs[kept - 1].last = std::max(runs[kept - 1].last, run.last);
        else
            runs[kept++] = run;
    }
    runs.resize(kept);
}

// Touches in order mostly lie beside the one before.
void add_unit(Runs& runs, std::uint64_t unit) {
    if (!runs.empty() && unit >= runs.back().first && unit <= runs.back().last)
        runs.back().last = std::max(runs.back().last, unit + 1);
    else
        runs.push_back({unit, unit + 1});
}

class IdealAccess {
  public:
    IdealAccess(const Access& access, const PlannedArea& area, Bytes size, std::uint64_t seed,
                std::uint64_t dice)
        : access_(access), unit_(area.unit()), set_(access, size, seed), dice_(dice) {
        if (!access.share) return;
        if (access.stride.count <= unit_) {
            for (const AddressRange& range : set_.ranges())
                all_.push_back({range.start / unit_, (range.end + unit_ - 1) / unit_});
        } else {
            for (std::uint64_t i = 0; i < set_.touches(); ++i) add(all_, i);
        }
        join(all_);
    }

    // What it touches between two times since its phase began.
    void add_touched(Runs& runs, Duration from, Duration to) {
        if (access_.share) {
            runs.insert(runs.end(), all_.begin(), all_.end());
            return;
        }
        const std::uint64_t last = due(to);
        // More than a round touches everything once.
        std::uint64_t at = std::max(due(from), last - std::min(last, set_.touches()));
        for (; at < last; ++at)
            add(runs, access_.random ? dice_.below(set_.touches()) : at % set_.touches());
    }

    std::size_t area() const { return access_.area; }

  private:
    std::uint64_t due(Duration since) const {
        return static_cast<std::uint64_t>(
            static_cast<double>(set_.touches()) *
            (static_cast<double>(since.count()) / static_cast<double>(access_.round->count())));
    }
    void add(Runs& runs, std::uint64_t touch) const { add_unit(runs, set_.offset(touch) / unit_); }

    const Access& access_;
    std::uint64_t unit_;
    TouchSet set_;
    bench::Random dice_;
    Runs all_;
};

class IdealProgram {
  public:
    IdealProgram(const ProgramPlan& plan, const IdealOptions& options, Truth& truth,
                 std::int32_t pid)
        : plan_(plan),
          options_(options),
          truth_(truth),
          process_(truth.add_process(pid)),
          pending_(plan.areas.size()) {}

    // `addresses`: of the areas, those inherited too.
    void run(Instant start, const std::vector<std::uint64_t>& addresses) {
        Instant at = start;
        std::vector<Instant> starts;
        for (const Phase& phase : plan_.phases) {
            starts.push_back(at);
            at += phase.duration;
        }
        for (std::size_t area = 0; area < plan_.areas.size(); ++area)
            truth_.add_area(process_, mapped_area(area, addresses[area], starts, at));
        for (std::size_t phase = 0; phase < plan_.phases.size(); ++phase)
            run_phase(phase, starts[phase]);
        flush(0);
    }

  private:
    Area mapped_area(std::size_t which, std::uint64_t address, const std::vector<Instant>& starts,
                     Instant end) const {
        const PlannedArea& planned = plan_.areas[which];
        Area area{
            planned.name, address, planned.unit(), plan_.most_of(which).count / planned.unit(), {}};
        if (planned.inherited && planned.kind != AreaKind::anonymous) return area;
        // Each step's part lives as long as the area is at least that large.
        std::vector<std::uint64_t> borders = {0, planned.size.count};
        for (std::size_t phase = 0; phase < starts.size(); ++phase)
            borders.push_back(plan_.size_in(phase, which).count);
        std::sort(borders.begin(), borders.end());
        borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
        for (std::size_t i = 1; i < borders.size(); ++i) {
            const AddressRange part{address + borders[i - 1], address + borders[i]};
            bool open = false;
            for (std::size_t phase = 0; phase < starts.size(); ++phase) {
                const bool there = plan_.size_in(phase, which).count >= borders[i];
                if (there && !open) area.mappings.push_back({part, starts[phase], end});
                if (!there && open) area.mappings.back().to = starts[phase];
                open = there;
            }
        }
        return area;
    }

    void run_phase(std::size_t phase, Instant start) {
        std::vector<IdealAccess> accesses;
        std::uint64_t number = 0;
        for (const Access& access : plan_.phases[phase].accesses)
            accesses.emplace_back(access, plan_.areas[access.area],
                                  plan_.size_in(phase, access.area), options_.seed,
                                  options_.seed + 1000 * phase + ++number);
        const Duration duration = plan_.phases[phase].duration;
        for (Duration from{}; from < duration;) {
            const auto slot =
                static_cast<std::uint64_t>((start + from - options_.begin) / options_.slot);
            const Instant slot_end =
                options_.begin + static_cast<std::int64_t>(slot + 1) * options_.slot;
            const Duration to = std::min(duration, slot_end - start);
            // A slot in which one phase ends and the next begins has what both touched.
            if (slot != pending_slot_) flush(slot);
            for (IdealAccess& access : accesses)
                access.add_touched(pending_[access.area()], from, to);
            from = to;
        }
    }

    void flush(std::uint64_t slot) {
        for (std::size_t area = 0; area < pending_.size(); ++area) {
            join(pending_[area]);
            truth_.record(process_, area, pending_slot_, pending_[area]);
            pending_[area].clear();
        }
        pending_slot_ = slot;
    }

    const ProgramPlan& plan_;
    const IdealOptions& options_;
    Truth& truth_;
    std::size_t process_;
    std::vector<Runs> pending_;  // by area, of one slot
    std::uint64_t pending_slot_ = 0;
};

}  // namespace

Truth ideal_truth(const PhaseFile& file, const IdealOptions& options) {
    Truth truth(options.begin, options.slot);
    std::uint64_t next = options.address;
    const auto place = [&](const ProgramPlan& program, std::vector<std::uint64_t> addresses) {
        for (std::size_t i = addresses.size(); i < program.areas.size(); ++i) {
            addresses.push_back(next);
            next += (program.most_of(i).count + options.gap - 1) / options.gap * options.gap +
                    options.gap;
        }
        return addresses;
    };
    const std::vector<std::uint64_t> addresses = place(file.program, {});
    std::vector<Instant> starts;
    Instant at = options.begin;
    for (const Phase& phase : file.program.phases) {
        starts.push_back(at);
        truth.add_phase(at);
        at += phase.duration;
    }
    truth.set_end(at);
    std::int32_t pid = 1;
    IdealProgram(file.program, options, truth, pid).run(options.begin, addresses);
    for (const PlannedChild& child : file.children)
        IdealProgram(child.program, options, truth, ++pid)
            .run(starts[child.forked_in], place(child.program, addresses));
    return truth;
}

}  // namespace damon_schemes::accuracy
