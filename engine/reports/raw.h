// SPDX-License-Identifier: MIT
// Every snapshot of a recording, region by region.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/reports/walk.h"

namespace damon_schemes {

using WriteText = std::function<Result<void>(std::string_view)>;

enum class RawFormat {
    text,  // as DAMON v12's user-space tool wrote it, and behind each count what that did not have
    json,  // one document, a line for each event
    csv,   // a line for each region
};

// Writes as it goes, so that memory does not grow with the recording.
class RawReport final : public ReportVisitor {
  public:
    RawReport(RawFormat format, const RecordingInfo& info, WriteText write);
    void described(const RecordedTarget& target) override;
    void saw(const SeenTarget& seen) override;
    void acted(const RecordedAction& action) override;
    // Error: what could not be written, at any time.
    Result<void> finish(const Walked& walked);

  private:
    void saw_text(const SeenTarget& seen);
    void saw_json(const SeenTarget& seen);
    void saw_csv(const SeenTarget& seen);
    void put_event(const std::string& json);
    void flush(std::size_t least);

    RawFormat format_;
    const RecordingInfo& info_;
    WriteText write_;
    std::string text_;
    Result<void> written_;
    bool any_event_ = false;
    std::optional<Instant> start_;
};

}  // namespace damon_schemes
