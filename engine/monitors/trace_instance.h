// SPDX-License-Identifier: MIT
// A trace buffer of our own (an instance of tracefs), with mainline DAMON's events of one kdamond
// and what its targets become.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/monitors/aggregation.h"
#include "engine/monitors/kernel_files.h"
#include "engine/monitors/trace_page.h"
#include "engine/targets/process.h"
#include "schemes/result.h"

namespace damon_schemes {

// Where the fields of the three kinds of events are.
struct MainlineFormats {
    struct Aggregated {
        TraceFormat format;
        TraceFormat::Field pid, target, regions, start, end, accesses, age;
    } aggregated;
    struct OfProcess {
        TraceFormat format;
        TraceFormat::Field pid;
    } exec, exit;
    TraceFormat::Field type;  // the same in every event: which kind it is
};
// From `folder`/events.  Errors (unsupported): no tracefs there, no DAMON among the events, or
// events that lack a field.
Result<MainlineFormats> read_formats(KernelFiles& files, const std::string& folder);

// Belongs to one thread.  It is removed with this object, unless left behind.
class TraceInstance {
  public:
    // Makes `folder`/instances/`name`; each processor gets `buffer` bytes.  The other trace buffers
    // are not touched.  `files` outlives it.
    static Result<TraceInstance> make(KernelFiles& files, const std::string& folder,
                                      const std::string& name, Bytes buffer);
    // One that another engine left behind.  Errors: ENOENT there is none.
    static Result<void> remove(KernelFiles& files, const std::string& folder,
                               const std::string& name);
    ~TraceInstance();
    TraceInstance(TraceInstance&&) noexcept;
    TraceInstance& operator=(TraceInstance&&) = delete;

    // From now on, the events of this kdamond alone.
    Result<void> listen_to(std::int32_t kdamond);
    // From now on, which of these processes run another program, or end.
    Result<void> follow(const std::vector<std::int32_t>& pids);

    // Readable when an event waits.
    int descriptor() const { return waker_.get(); }

    // Hands all events that wait to `aggregation`, in the order of time; those of another kdamond
    // than this one are left out.  Never blocks.
    Result<void> drain(const MainlineFormats& formats, std::int32_t kdamond,
                       Aggregation& aggregation);
    // Throws away all that waits.
    Result<void> clear();

    Bytes memory() const;  // of its buffers

  private:
    struct Event;
    TraceInstance(KernelFiles& files, std::string path);
    Result<void> set_up(Bytes buffer);
    Result<void> open_pipes();
    Result<bool> read_pages(const Descriptor& pipe, const MainlineFormats& formats,
                            std::int32_t kdamond, std::vector<Event>& events);

    KernelFiles* files_;
    std::string path_;
    // All processors' events as text: it is waited for and never read.  A processor's own pipe is
    // always in error while that processor is off, and there may be more of them later.
    Descriptor waker_;
    std::vector<Descriptor> pipes_;
    std::vector<std::byte> page_;
};

}  // namespace damon_schemes
