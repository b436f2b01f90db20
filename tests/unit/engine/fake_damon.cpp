// SPDX-License-Identifier: MIT
#include "fake_damon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "engine/targets/procfs.h"
#include "trace_pages.h"

namespace damon_schemes::testing {
namespace {

namespace fs = std::filesystem;

void lay(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text << "\n";
}

Error fails(const std::string& path, int code) {
    return {ErrorKind::runtime, "cannot write " + path, code};
}

int take(std::map<std::string, std::vector<int>>& failing, const std::string& path) {
    for (auto& [end, codes] : failing) {
        if (!path.ends_with(end) || codes.empty()) continue;
        const int code = codes.front();
        codes.erase(codes.begin());
        return code;
    }
    return 0;
}

void remove_numbered(const fs::path& folder) {
    for (int i = 0; fs::exists(folder / std::to_string(i)); ++i)
        fs::remove_all(folder / std::to_string(i));
}

}  // namespace

FakeDamon::FakeDamon()
    : folder_({{"sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", "0\n"},
               {"tracing/events/damon/damon_aggregated/format", aggregated_format},
               {"tracing/events/sched/sched_process_exec/format", exec_format},
               {"tracing/events/sched/sched_process_exit/format", exit_format}}) {
    fs::create_directories(paths().tracing + "/instances");
}

FakeDamon::~FakeDamon() {
    end_kdamond();
}

MainlinePaths FakeDamon::paths() const {
    const std::string root = folder_.path();
    return {"/proc", root + "/sys", root + "/tracing", root + "/state"};
}

std::string FakeDamon::shown(const std::string& file) const {
    const auto text = read_file(admin() + "/" + file);
    return text ? text->substr(0, text->find('\n')) : "(none)";
}

std::string FakeDamon::listing() const {
    std::vector<std::string> lines;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
        std::string line = entry.path().string();
        if (entry.is_regular_file() && entry.path().extension() != ".lock")
            line += ": " + read_file(line).value_or("");
        lines.push_back(std::move(line));
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

std::vector<std::string> FakeDamon::instances() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(paths().tracing + "/instances"))
        names.push_back(entry.path().filename().string());
    return names;
}

void FakeDamon::echo(const std::string& text, const std::string& file) {
    const std::lock_guard lock(asking_);
    const auto before = std::exchange(before_write, nullptr);
    const auto applied = apply(admin() + "/" + file, text);
    before_write = before;
    if (!applied) throw std::runtime_error("echo " + text + " > " + file);
}

void FakeDamon::have_done(std::map<std::string, std::uint64_t> done) {
    const std::lock_guard lock(asking_);
    done_ = std::move(done);
}

Result<std::string> FakeDamon::read(const std::string& path) {
    const std::lock_guard lock(asking_);
    if (const int code = take(failing_reads, path)) return fails(path, code);
    return KernelFiles::read(path);
}

Result<void> FakeDamon::write(const std::string& path, const std::string& text) {
    const std::lock_guard lock(asking_);
    if (before_write) before_write(path);
    if (++writes == failing_write) return fails(path, EIO);
    if (const int code = take(failing_writes, path)) return fails(path, code);
    return apply(path, text);
}

Result<void> FakeDamon::apply(const std::string& path, const std::string& text) {
    // What is reached through an open folder has a name of its own; a folder that is gone has none.
    std::error_code gone;
    const fs::path folder = fs::canonical(fs::path(path).parent_path(), gone);
    if (gone) return fails(path, ENOENT);
    const std::string name = fs::path(path).filename().string();
    if (!fs::exists(folder / name)) return fails(path, ENOENT);
    if (name == "state") {
        const bool on = kdamond_ != 0;
        if (text == "on") {
            if (on) return fails(path, EBUSY);
            turn_on(folder);
        } else if (text == "off") {
            if (!on) return fails(path, EPERM);
            turn_off(folder);
        } else if (!on || (text != "commit" && text != "update_schemes_stats")) {
            return fails(path, EINVAL);
        } else if (text == "update_schemes_stats") {
            for (int i = 0; fs::exists(folder / "contexts/0/schemes" / std::to_string(i)); ++i) {
                for (const auto& [file, number] : done_)
                    lay(folder / "contexts/0/schemes" / std::to_string(i) / "stats" / file,
                        std::to_string(number));
            }
        }
        return {};
    }
    if (name.starts_with("nr_") && kdamond_ != 0 && name != "nr_regions") return fails(path, EBUSY);
    if (auto written = KernelFiles::write((folder / name).string(), text + "\n"); !written)
        return written;
    const int count = name.starts_with("nr_") ? std::stoi(text) : 0;
    if (name.starts_with("nr_")) remove_numbered(folder);
    for (int i = 0; i < count; ++i) {
        const fs::path made = folder / std::to_string(i);
        if (name == "nr_kdamonds") {
            lay(made / "state", "off");
            lay(made / "pid", "-1");
            lay(made / "contexts/nr_contexts", "0");
        } else if (name == "nr_contexts") {
            lay(made / "operations", "vaddr");
            lay(made / "monitoring_attrs/intervals/sample_us", "5000");
            lay(made / "monitoring_attrs/intervals/aggr_us", "100000");
            lay(made / "monitoring_attrs/intervals/update_us", "60000000");
            lay(made / "monitoring_attrs/nr_regions/min", "10");
            lay(made / "monitoring_attrs/nr_regions/max", "1000");
            lay(made / "targets/nr_targets", "0");
            lay(made / "schemes/nr_schemes", "0");
        } else if (name == "nr_targets") {
            lay(made / "pid_target", "0");
            lay(made / "regions/nr_regions", "0");
        } else if (name == "nr_regions") {
            lay(made / "start", "0");
            lay(made / "end", "0");
        } else if (name == "nr_filters") {
            lay(made / "type", "anon");
            lay(made / "matching", "N");
            lay(made / "memcg_path", "");
        } else if (name == "nr_goals") {
            lay(made / "target_metric", "user_input");
            lay(made / "target_value", "0");
        } else if (name == "nr_schemes") {
            lay(made / "action", "stat");
            lay(made / "watermarks/metric", "none");
            for (const char* file : {"apply_interval_us",
                                     "access_pattern/sz/min",
                                     "access_pattern/sz/max",
                                     "access_pattern/nr_accesses/min",
                                     "access_pattern/nr_accesses/max",
                                     "access_pattern/age/min",
                                     "access_pattern/age/max",
                                     "quotas/ms",
                                     "quotas/bytes",
                                     "quotas/reset_interval_ms",
                                     "quotas/weights/sz_permil",
                                     "quotas/weights/nr_accesses_permil",
                                     "quotas/weights/age_permil",
                                     "quotas/goals/nr_goals",
                                     "watermarks/interval_us",
                                     "watermarks/high",
                                     "watermarks/mid",
                                     "watermarks/low",
                                     "filters/nr_filters",
                                     "stats/nr_tried",
                                     "stats/sz_tried",
                                     "stats/nr_applied",
                                     "stats/sz_applied",
                                     "stats/qt_exceeds"})
                lay(made / file, "0");
        }
    }
    return {};
}

// A process of that name stands for the kernel's thread.
void FakeDamon::turn_on(const std::string& folder) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    const Descriptor ours(ends[0]);
    Descriptor its(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::prctl(PR_SET_NAME, "kdamond.0");
        (void)!::write(its.get(), "x", 1);
        for (;;) ::pause();
    }
    kdamond_ = child;
    its = Descriptor();
    char named = 0;
    if (::read(ours.get(), &named, 1) != 1) throw std::runtime_error("the kdamond did not start");
    lay(fs::path(folder) / "state", "on");
    lay(fs::path(folder) / "pid", std::to_string(child));
}

void FakeDamon::turn_off(const std::string& folder) {
    end_kdamond();
    lay(fs::path(folder) / "state", "off");
    lay(fs::path(folder) / "pid", "-1");
}

void FakeDamon::end_kdamond() {
    if (kdamond_ == 0) return;
    ::kill(kdamond_, SIGKILL);
    while (::waitpid(kdamond_, nullptr, 0) < 0 && errno == EINTR) {
    }
    kdamond_ = 0;
}

Result<void> FakeDamon::make_folder(const std::string& path) {
    if (auto made = KernelFiles::make_folder(path); !made) return made;
    for (const char* file :
         {"buffer_size_kb", "buffer_total_size_kb", "trace_clock", "trace_options", "tracing_on",
          "trace", "events/damon/damon_aggregated/filter", "events/damon/damon_aggregated/enable",
          "events/sched/sched_process_exec/filter", "events/sched/sched_process_exec/enable",
          "events/sched/sched_process_exit/filter", "events/sched/sched_process_exit/enable"})
        lay(fs::path(path) / file, "0");
    pipes_.clear();
    for (const char* processor : {"cpu0", "cpu1"}) {
        const fs::path folder = fs::path(path) / "per_cpu" / processor;
        fs::create_directories(folder);
        const std::string pipe = (folder / "trace_pipe_raw").string();
        if (::mkfifo(pipe.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
        // Both ends, so that its reader finds it empty and not at its end.
        pipes_.emplace_back(::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    }
    // It tells that the first processor's has something.
    fs::create_symlink("per_cpu/cpu0/trace_pipe_raw", fs::path(path) / "trace_pipe");
    return {};
}

Result<void> FakeDamon::remove_folder(const std::string& path) {
    std::error_code failed;
    if (fs::remove_all(path, failed) == 0) return fails(path, ENOENT);
    return {};
}

void FakeDamon::trace(int processor, const std::vector<std::byte>& page) {
    const Descriptor& pipe = pipes_.at(static_cast<std::size_t>(processor));
    if (::write(pipe.get(), page.data(), page.size()) != static_cast<ssize_t>(page.size()))
        throw std::runtime_error("the trace buffer is full");
}

}  // namespace damon_schemes::testing
