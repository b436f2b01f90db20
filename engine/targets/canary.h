// SPDX-License-Identifier: MIT
// A process that is known to use its memory all the time: a monitor that does not see it accessed
// sees nothing.
#pragma once

#include "engine/targets/process.h"
#include "schemes/observation.h"
#include "schemes/result.h"

namespace damon_schemes {

inline constexpr Bytes canary_size = mebibytes(4);

struct CanaryPulse;

// A child of the engine that touches each base page of 4 MiB all the time, on one processor and
// without ever sleeping, at a raised priority where that is allowed: a second of one processor is
// what it takes to know that a monitor sees.  It is made to be the hardest case there is: a program
// that runs on undisturbed and whose translations stay in the TLB.
//
// It is a fork that does not exec: a re-executed engine would have to be linked and loaded again,
// which takes a good part of a second under emulation, to run the same dozen lines.  Between fork
// and its end it makes system calls only, and so may be started while other threads run; it first
// closes every descriptor of the engine (a session of the module would stay open otherwise) and
// unmaps the large mappings it does not need, so that its 4 MiB are not lost among the engine's
// regions.
//
// It ends with this object, and with the engine however that ends (the thread that started it
// included, as PR_SET_PDEATHSIG goes by threads): start it on a thread that lives on.
class Canary {
  public:
    // `gap`: an interruption at least this long is told by stood_still(); positive.
    static Result<Canary> start(Duration gap = std::chrono::milliseconds(5));
    ~Canary();
    Canary(Canary&& other) noexcept;
    Canary& operator=(Canary&& other) noexcept;

    std::int32_t pid() const { return process_.pid; }
    const Process& process() const { return process_; }
    AddressRange area() const { return area_; }
    // The one it runs on; -1: it could not be bound to one.
    int processor() const { return processor_; }
    // For how long it did not run so far, in interruptions of at least `gap`, the one that goes on
    // included: other programs, or other guests of the host, had the processor.  What is not seen
    // of it meanwhile says nothing of the monitor.
    Duration stood_still() const;

  private:
    Canary() = default;
    void end();
    void end_process();

    Process process_;
    Descriptor lifeline_;  // its end of file ends the child
    AddressRange area_;
    int processor_ = -1;
    CanaryPulse* pulse_ = nullptr;  // shared with the child
};

}  // namespace damon_schemes
