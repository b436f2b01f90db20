// SPDX-License-Identifier: MIT
#include "engine/recordings/own_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/recordings/own_format.h"
#include "engine/recordings/validity.h"
#include "engine/recordings/varint.h"
#include "engine/recordings/zstd_frame.h"

namespace damon_schemes {
namespace {

struct Record {
    OwnRecord type = OwnRecord::padding;
    std::span<const std::uint8_t> payload;
};

// An event, or nothing where the record stands for none, or what is wrong.
struct Decoded {
    std::optional<RecordedEvent> event;
    const char* wrong = nullptr;
};

template <typename Event>
Decoded decoded(std::optional<Event> event, const char* wrong) {
    if (!event) return {std::nullopt, wrong};
    return {RecordedEvent(std::move(*event)), nullptr};
}

class OwnReader final : public RecordingReader {
  public:
    explicit OwnReader(ByteSource source) : source_(std::move(source)) {}

    Result<void> open();
    const RecordingInfo& info() const override { return info_; }
    Result<std::optional<RecordedEvent>> next() override;
    const std::optional<std::string>& damage() const override { return damage_; }

  private:
    Result<bool> next_frame();
    Result<std::optional<Record>> next_record();
    Decoded decode(const Record& record);
    void damaged(std::uint64_t at, const std::string& what);

    ByteSource source_;
    FrameDecompressor decompressor_;
    RecordingInfo info_;
    ByteCursor content_{};  // of the frame at hand, behind the record that was taken last
    std::uint64_t frame_at_ = 0;
    bool ended_ = false;
    std::optional<std::string> damage_;
};

void OwnReader::damaged(std::uint64_t at, const std::string& what) {
    ended_ = true;
    damage_ = source_.name() + ": damaged at byte " + std::to_string(at) + ": " + what +
              "; what stands before it was read";
}

Result<void> OwnReader::open() {
    const auto header = source_.at_least(own_header_size);
    if (!header) return header.error();
    const auto unreadable = [this](const std::string& why) {
        return Error{ErrorKind::usage, source_.name() + ": " + why, 0};
    };
    if (header->size() < own_header_size)
        return unreadable("is cut off in its first bytes; nothing was recorded.");
    const auto expected = own_header();
    if (!std::equal(expected.begin(), expected.end(), header->begin()))
        return unreadable(
            "was written by a damon-schemes that has another version of the format; read it with "
            "that one, or a newer one.");
    source_.consume(own_header_size);
    const auto record = next_record();
    if (!record) return record.error();
    if (*record && (*record)->type == OwnRecord::info) {
        if (auto info = decode_info((*record)->payload)) {
            info_ = std::move(*info);
            info_.format = RecordingFormat::own;
            return {};
        }
    }
    return unreadable(
        "is cut off or damaged in its first frame, without which nothing of it can "
        "be read.");
}

// false: there is none any more.
Result<bool> OwnReader::next_frame() {
    frame_at_ = source_.offset();
    FrameLength length;
    for (std::size_t wanted = 1;;) {
        const auto bytes = source_.at_least(wanted);
        if (!bytes) return bytes.error();
        length = frame_length(*bytes);
        if (length.known != FrameLength::Known::needs_more) break;
        if (bytes->empty()) {
            damaged(frame_at_, "it ends without its last record, as when what writes it is killed");
            return false;
        }
        if (bytes->size() < wanted) {
            damaged(frame_at_, "the last record is cut off");
            return false;
        }
        if (bytes->size() > longest_frame) break;
        // As soon as it is whole, which a live pipe's reader waits for; but a huge one is not
        // looked through again for each piece that comes.
        wanted = bytes->size() + (bytes->size() < (1 << 20) ? 1 : bytes->size() / 2);
    }
    if (length.known != FrameLength::Known::yes || length.bytes > longest_frame) {
        damaged(frame_at_, "no zstd frame of a recording starts here");
        return false;
    }
    const auto bytes = source_.at_least(length.bytes);
    if (!bytes) return bytes.error();
    const auto frame = bytes->first(length.bytes);
    const auto size = frame_content_size(frame);
    if (!size || *size > most_frame_bytes(frame.size())) {
        damaged(frame_at_, size ? "a frame claims to be larger than it may be"
                                : "a frame does not say how large it is");
        return false;
    }
    const auto content = decompressor_.decompress(frame, static_cast<std::size_t>(*size));
    if (!content) {
        damaged(frame_at_, "the frame cannot be decompressed");
        return false;
    }
    source_.consume(frame.size());
    content_ = {content->data(), content->data() + content->size()};
    return true;
}

// nullopt: that was all, and damage_ says whether it should have been.
Result<std::optional<Record>> OwnReader::next_record() {
    while (content_.left() == 0) {
        const auto more = next_frame();
        if (!more) return more.error();
        if (!*more) return std::optional<Record>();
    }
    Record record{static_cast<OwnRecord>(*content_.at++), {}};
    std::uint64_t size = 0;
    if (!take_varint(content_, size) || size > content_.left()) {
        damaged(frame_at_, "a record is longer than its frame");
        return std::optional<Record>();
    }
    record.payload = {content_.at, static_cast<std::size_t>(size)};
    content_.at += size;
    return std::optional<Record>(record);
}

Decoded OwnReader::decode(const Record& record) {
    switch (record.type) {
        case OwnRecord::info:
            return {std::nullopt, "a second description of the recording"};
        case OwnRecord::target:
            return decoded(decode_target(record.payload), "a target that cannot be decoded");
        case OwnRecord::snapshot:
            return decoded(decode_snapshot(record.payload), "a snapshot that cannot be decoded");
        case OwnRecord::action:
            return decoded(decode_action(record.payload), "an action that cannot be decoded");
        case OwnRecord::padding:
        case OwnRecord::end:
            break;
    }
    return {};  // types that are not known are of a later minor revision, and skipped
}

Result<std::optional<RecordedEvent>> OwnReader::next() {
    while (!ended_) {
        const auto record = next_record();
        if (!record) return record.error();
        if (!*record) break;
        if ((*record)->type == OwnRecord::end) {
            ended_ = true;
            const auto behind = source_.at_least(1);
            if (!behind) return behind.error();
            if (content_.left() != 0 || !behind->empty())
                damaged(source_.offset(), "there are bytes behind its end");
            break;
        }
        Decoded decoded = decode(**record);
        if (decoded.event && !decoded.wrong)
            decoded.wrong = contradiction_in(*decoded.event, info_.schemes.size());
        if (decoded.wrong) {
            damaged(frame_at_, decoded.wrong);
            break;
        }
        if (decoded.event) return std::move(decoded.event);
    }
    return std::optional<RecordedEvent>();
}

}  // namespace

Result<std::unique_ptr<RecordingReader>> open_own_recording(ByteSource source) {
    auto reader = std::make_unique<OwnReader>(std::move(source));
    if (auto opened = reader->open(); !opened) return opened.error();
    return std::unique_ptr<RecordingReader>(std::move(reader));
}

}  // namespace damon_schemes
