// SPDX-License-Identifier: MIT
#include "tests/fuzz/recording.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/recordings/own_format.h"
#include "engine/recordings/recording.h"
#include "engine/recordings/validity.h"
#include "engine/recordings/zstd_frame.h"
#include "engine/targets/process.h"

namespace damon_schemes {
namespace {

void require(bool promise, const char* what) {
    if (promise) return;
    std::cerr << "broken promise: " << what << '\n';
    std::abort();
}

// What our own format makes of it is read as the same.
void exercise_encoder(const RecordedEvent& event) {
    OwnEncoder encoder;
    encoder.put_event(event);
    const auto record = encoder.bytes();
    std::size_t head = 1;
    while (record[head] >= 0x80) ++head;
    const auto payload = record.subspan(head + 1);
    std::optional<RecordedEvent> again;
    switch (static_cast<OwnRecord>(record[0])) {
        case OwnRecord::target:
            if (auto target = decode_target(payload)) again = std::move(*target);
            break;
        case OwnRecord::snapshot:
            if (auto snapshot = decode_snapshot(payload)) again = std::move(*snapshot);
            break;
        case OwnRecord::action:
            if (auto action = decode_action(payload)) again = std::move(*action);
            break;
        default:
            break;
    }
    require(again == event, "an event is encoded and decoded to the same");
}

void exercise_file(std::span<const std::uint8_t> bytes) {
    const Descriptor file(memfd_create("recording", MFD_CLOEXEC));
    require(write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
            "the test's own file is written");
    auto reader = open_recording("/proc/self/fd/" + std::to_string(file.get()));
    if (!reader) {
        require(reader.error().kind == ErrorKind::usage, "what is no recording is a usage error");
        require(!reader.error().message.empty(), "every error has a message");
        return;
    }
    const std::size_t schemes = (*reader)->info().schemes.size();
    for (std::size_t events = 0;; ++events) {
        // Each takes bytes; a compressed one fewer than it has.
        require(events < (1 << 20) + 64 * bytes.size(), "a reading ends");
        const auto event = (*reader)->next();
        require(event.ok(), "a damaged file is no error");
        if (!*event) break;
        require(contradiction_in(**event, schemes) == nullptr, "events keep the rules");
        exercise_encoder(**event);
    }
    const auto damage = (*reader)->damage();
    require(!damage || !damage->empty(), "damage is told in words");
    const auto behind = (*reader)->next();
    require(behind.ok() && !*behind, "the end stays the end");
}

void exercise_records(std::span<const std::uint8_t> records) {
    RecordingInfo info;
    info.schemes = {{"cold", Action::pageout}};
    OwnEncoder encoder;
    encoder.put_info(info);
    std::vector<std::uint8_t> content(encoder.bytes().begin(), encoder.bytes().end());
    content.insert(content.end(), records.begin(), records.end());
    const auto header = own_header();
    std::vector<std::uint8_t> file(header.begin(), header.end());
    FrameCompressor compressor;
    const auto frame = compressor.compress(content);
    file.insert(file.end(), frame.begin(), frame.end());
    exercise_file(file);
}

}  // namespace

void exercise_recording(const std::uint8_t* bytes, std::size_t size) {
    exercise_file({bytes, size});
    exercise_records({bytes, size});
}

}  // namespace damon_schemes
