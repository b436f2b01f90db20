// SPDX-License-Identifier: MIT
#include "engine/recordings/own_writer.h"

#include <utility>

#include "engine/recordings/own_format.h"
#include "engine/recordings/validity.h"
#include "engine/recordings/zstd_frame.h"

namespace damon_schemes {
namespace {

// What may wait for the next snapshot.
constexpr std::size_t most_waiting = 64 << 10;

class OwnWriter final : public RecordingWriter {
  public:
    OwnWriter(OutputFile file, const RecordingInfo& info)
        : file_(std::move(file)), schemes_(info.schemes.size()) {}

    Result<void> begin(const RecordingInfo& info) {
        if (auto wrote = file_.append(own_header()); !wrote) return wrote;
        encoder_.put_info(info);
        return write_frame();
    }
    Result<void> write(const RecordedEvent& event) override {
        if (const char* what = contradiction_in(event, schemes_)) {
            return Error{ErrorKind::runtime,
                         std::string("what is to be recorded contradicts itself: ") + what, 0};
        }
        encoder_.put_event(event);
        const bool whole = std::holds_alternative<Snapshot>(event);
        if (!whole && encoder_.bytes().size() < most_waiting) return {};
        return write_frame();
    }
    Result<void> finish() override {
        encoder_.put_end();
        if (auto wrote = write_frame(); !wrote) return wrote;
        return file_.close();
    }
    Bytes written() const override { return file_.size(); }
    bool dropped() const override { return false; }

  private:
    Result<void> write_frame() {
        auto frame = compressor_.compress(encoder_.bytes());
        const std::size_t size = encoder_.bytes().size();
        if (!frame.empty() && size > most_frame_bytes(frame.size())) {
            // So regular that readers would have to trust its size: made larger in the file.
            encoder_.put_padding(size / (frame_bytes_per_file_byte - 1));
            frame = compressor_.compress(encoder_.bytes());
        }
        const bool fits =
            !frame.empty() && encoder_.bytes().size() <= most_frame_bytes(frame.size());
        encoder_.clear();
        if (!fits) {
            return Error{ErrorKind::runtime,
                         "a snapshot of " + std::to_string(size) +
                             " bytes is too large for a recording; lower monitor.regions.max",
                         0};
        }
        return file_.append(frame);
    }

    OutputFile file_;
    std::size_t schemes_;
    OwnEncoder encoder_;
    FrameCompressor compressor_;
};

}  // namespace

Result<std::unique_ptr<RecordingWriter>> write_own_recording(OutputFile file,
                                                             const RecordingInfo& info) {
    auto writer = std::make_unique<OwnWriter>(std::move(file), info);
    if (auto begun = writer->begin(info); !begun) return begun.error();
    return std::unique_ptr<RecordingWriter>(std::move(writer));
}

}  // namespace damon_schemes
