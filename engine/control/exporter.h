// SPDX-License-Identifier: MIT
// Where a daemon's metrics go: over HTTP to whoever scrapes, and into a file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/control/daemon_metrics.h"
#include "engine/control/metrics_file.h"
#include "engine/control/metrics_server.h"
#include "engine/events/actors.h"
#include "engine/events/loop.h"
#include "engine/machine/memory.h"
#include "engine/reports/daemon_status.h"
#include "schemes/result.h"

namespace damon_schemes {

// The state is read on the loop's thread, at most once in `freshness` however many ask; procfs and
// sysfs, which may keep one waiting, are read elsewhere, where texts are made, sent and written,
// too. Belongs to the loop's thread.
class Exporter {
  public:
    struct Parts {
        std::function<DaemonStatus()> status;
        std::function<void(const std::string&)> inform;
        std::function<void(const std::string&)> warn;
        std::string version;
        Duration freshness = std::chrono::seconds(1);
        Duration longest_wait = std::chrono::seconds(2);  // for the loop's thread
        Duration file_interval = std::chrono::seconds(15);
        MachinePaths paths{};
    };

    // `loop` outlives it.  What `parts.status` reads is there when the loop runs.
    Exporter(EventLoop& loop, Parts parts);
    ~Exporter();
    Exporter(const Exporter&) = delete;
    Exporter& operator=(const Exporter&) = delete;

    // Errors: as MetricsServer::open() and MetricsFile::at() say them.
    Result<void> serve(const std::string& address);
    Result<void> write_to(const std::string& path);
    // The policies were told to be read again, and that was done or changed nothing.
    void reloaded(bool done);

    // Where it serves; empty: nowhere.
    std::string address() const { return server_ ? server_->address() : std::string(); }

  private:
    // What is newest, for the server's thread alone.
    struct Kept;

    // What files of the machine say.
    struct Readings {
        std::optional<Bytes> rss;
        std::optional<MachineMemory> host;
        std::optional<Duration> stalled;
    };
    static Readings read(const MachinePaths& paths);
    std::shared_ptr<const Metrics> collect(const Readings& readings);
    void begin_file();
    void write_file(const Readings& readings);
    void written(const Result<void>& result);
    static std::shared_ptr<const Metrics> ask(Kept& kept, const std::function<bool()>& stopping);

    EventLoop& loop_;
    Parts parts_;
    EngineFigures engine_;
    DaemonMetrics metrics_;
    EventLoop::Watch file_watch_ = 0;
    std::shared_ptr<MetricsFile> file_;
    bool writing_ = false;
    bool failing_ = false;
    std::shared_ptr<Exporter*> self_;  // messages that arrive after its end find it gone
    Actors writer_;
    std::unique_ptr<MetricsServer> server_;  // last: its thread ends before what it asks goes
};

}  // namespace damon_schemes
