// SPDX-License-Identifier: MIT
#include "benchmarks/controls/trial.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <utility>

#include "engine/actions/process_madvise.h"
#include "engine/events/loop.h"
#include "engine/monitors/module_monitor.h"
#include "engine/session/session.h"
#include "engine/targets/process.h"
#include "schemes/policy/reader.h"
#include "schemes/quantity.h"

namespace damon_schemes::bench {
namespace {

constexpr Duration look_interval = std::chrono::milliseconds(250);
constexpr Duration beat = std::chrono::milliseconds(5);
using Clock = std::chrono::steady_clock;

template <typename T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

ProcessMemory memory_now(pid_t pid) {
    const auto memory = memory_of(pid);
    if (!memory) throw std::runtime_error("the program has gone");
    return *memory;
}

// The looks at one program while its time passes.
class Looks {
  public:
    Looks(const PacedProgram& program, const Trial& trial, TrialFigures& figures)
        : program_(program), trial_(trial), figures_(figures), began_(Clock::now()) {
        const auto memory = memory_now(program_.pid());
        figures_.rss_full = memory.rss;
        faults_before_ = memory.major_faults;
    }

    void look(const Session* session) {
        const auto memory = memory_now(program_.pid());
        const Duration at = Clock::now() - began_;
        TrialFigures::Moment moment;
        moment.at = at;
        moment.rss = memory.rss;
        if (session != nullptr) {
            const auto controls = session->controls();
            moment.tuned_age = controls.front().tuned_age;
            moment.refault_share = controls.front().refault_share;
            moment.spent = session->totals().front().spent;
        }
        figures_.course.push_back(moment);
        if (at < trial_.warm_up) return;
        if (!first_) first_ = First{at, program_.progress()};
        rss_sum_ += static_cast<double>(memory.rss.count);
        ++looks_;
    }

    void conclude() {
        if (!first_ || looks_ < 2) throw std::runtime_error("a trial was too short");
        const auto memory = memory_now(program_.pid());
        const auto progress = program_.progress();
        figures_.measured = Duration(Clock::now() - began_) - first_->at;
        figures_.rss_mean = rss_sum_ / static_cast<double>(looks_);
        figures_.major_faults = memory.major_faults - faults_before_;
        figures_.touches = progress.touches - first_->progress.touches;
        figures_.touching_share =
            static_cast<double>((progress.touching - first_->progress.touching).count()) /
            static_cast<double>(figures_.measured.count());
        figures_.wrong = progress.wrong;
    }

  private:
    struct First {
        Duration at{};
        PacedProgram::Progress progress;
    };
    const PacedProgram& program_;
    const Trial& trial_;
    TrialFigures& figures_;
    Clock::time_point began_;
    std::uint64_t faults_before_ = 0;
    std::optional<First> first_;
    double rss_sum_ = 0;
    std::uint64_t looks_ = 0;
};

}  // namespace

TrialFigures run_trial(const Pacing& pacing, const Policy* policy, const Trial& trial) {
    TrialFigures figures;
    const PacedProgram program(pacing);
    auto loop = must(make_event_loop(LoopKind::automatic));
    std::unique_ptr<Session> session;
    if (policy != nullptr) {
        Session::Parts parts;
        parts.monitor = must(open_module_monitor());
        parts.executor = std::make_unique<ProcessMadvise>();
        session = std::make_unique<Session>(*loop, *policy, std::move(parts));
        must(session->add(must(open_process(program.pid()))));
        must(session->start());
        must(session->allow_acting(TlbPolicy::automatic));
        session->on_finished = [&] { loop->stop(); };
    }
    Looks looks(program, trial, figures);
    must(loop->on_timer(look_interval, true, [&] { looks.look(session.get()); }));
    auto last_beat = Clock::now();
    must(loop->on_timer(beat, true, [&] {
        const auto now = Clock::now();
        figures.late_ms.push_back(
            std::chrono::duration<double, std::milli>(now - last_beat - beat).count());
        last_beat = now;
    }));
    must(loop->on_timer(trial.length, false, [&] {
        looks.conclude();
        if (session)
            session->finish("its time has passed");
        else
            loop->stop();
    }));
    must(loop->run());
    if (session) {
        figures.totals = session->totals();
        figures.controls = session->controls();
    }
    return figures;
}

Policy policy_from(const std::string& toml) {
    auto reading = read_policy(toml, {"policy of the benchmark", {}});
    if (reading.ok()) return std::move(reading.policy);
    std::string errors;
    for (const auto& error : reading.errors) errors += to_string(error) + "\n";
    throw std::runtime_error(errors);
}

Policy reclaiming(Duration age, const std::string& monitor_keys, const std::string& scheme_keys,
                  const std::string& more) {
    return policy_from(
        "version = 1\n[monitor]\nsampling_interval = \"20ms\"\n"
        "update_interval = \"1s\"\n" +
        monitor_keys +
        "[[scheme]]\nname = \"cold\"\naction = \"pageout\"\n"
        "frequency = { max = \"5%\" }\nage = { min = \"" +
        to_string(age) + "\" }\n" + scheme_keys +
        "[limits]\nmin_free_swap = \"off\"\nbrake = \"off\"\nguard = \"off\"\n" + more);
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace damon_schemes::bench
