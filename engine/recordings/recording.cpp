// SPDX-License-Identifier: MIT
#include "engine/recordings/recording.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "engine/recordings/byte_source.h"
#include "engine/recordings/damon_format.h"
#include "engine/recordings/damon_reader.h"
#include "engine/recordings/damon_writer.h"
#include "engine/recordings/output_file.h"
#include "engine/recordings/own_format.h"
#include "engine/recordings/own_reader.h"
#include "engine/recordings/own_writer.h"

namespace damon_schemes {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::array<std::string_view, 4> format_names = {"own", "damon-0", "damon-1", "damon-2"};
constexpr std::array<std::string_view, 6> kind_names = {"anonymous", "heap",   "stack",
                                                        "file",      "shared", "special"};

// Enough to tell what a file is.
constexpr std::size_t first_bytes = 64;

bool starts_with(Octets bytes, std::string_view text) {
    return bytes.size() >= text.size() &&
           std::equal(text.begin(), text.end(), bytes.begin(),
                      [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

// Whether it goes on as a recording of that beginning would, as far as it goes.
bool is_cut(Octets bytes, std::string_view beginning) {
    return bytes.size() < beginning.size() && starts_with(bytes, beginning.substr(0, bytes.size()));
}

// ASCII, or UTF-8 as far as single bytes show it.
bool is_text(Octets bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) {
        if (byte < 0x20) return byte == '\n' || byte == '\t' || byte == '\r';
        return byte != 0x7f && byte < 0xf8;
    });
}

std::string likeness(Octets bytes) {
    struct Kind {
        std::string_view beginning;
        const char* what;
    };
    static constexpr Kind kinds[] = {
        {"\x7f"
         "ELF",
         "is a program (ELF)"},
        {"\x1f\x8b", "is a gzip file; unpack it first (zcat FILE | damon-schemes … -)"},
        {"\xfd"
         "7zXZ",
         "is an xz file; unpack it first (xzcat FILE | damon-schemes … -)"},
        {"BZh", "is a bzip2 file; unpack it first (bzcat FILE | damon-schemes … -)"},
        {"\x28\xb5\x2f\xfd",
         "is a zstd file without a recording's beginning; if one was packed, "
         "unpack it first (zstdcat FILE | damon-schemes … -)"},
        {"PERFILE2", "is a perf.data file; damon-schemes cannot read those"},
        {"PK\x03\x04", "is a zip file"},
        {"\x89PNG", "is a picture"},
    };
    if (bytes.empty()) return "is empty";
    for (const auto& kind : kinds) {
        if (starts_with(bytes, kind.beginning)) return kind.what;
    }
    if (is_text(bytes)) return "is a text";
    return "starts with bytes that no recording starts with";
}

}  // namespace

std::string_view name_of(RecordingFormat format) {
    return format_names[static_cast<std::size_t>(format)];
}

std::string_view name_of(MappingKind kind) {
    return kind_names[static_cast<std::size_t>(kind)];
}

Result<std::unique_ptr<RecordingReader>> open_recording(const std::string& path,
                                                        const ReadingOptions& options) {
    auto source = ByteSource::open(path);
    if (!source) return source.error();
    const auto bytes = source->at_least(first_bytes);
    if (!bytes) return bytes.error();

    const auto header = own_header();
    // What no version changes.
    const std::string_view beginning(reinterpret_cast<const char*>(header.data()),
                                     8 + own_magic.size());
    if (starts_with(*bytes, beginning)) return open_own_recording(std::move(*source));
    const auto refuse = [&source](const std::string& why) {
        return Error{ErrorKind::usage, source->name() + ": " + why, 0};
    };
    if (starts_with(*bytes, damon_magic) && bytes->size() >= damon_header_size) {
        std::int32_t version = 0;
        std::memcpy(&version, bytes->data() + damon_magic.size(), sizeof(version));
        if (version != 1 && version != 2) {
            return refuse("is a DAMON record of version " + std::to_string(version) +
                          "; versions 0, 1 and 2 can be read.");
        }
        return open_damon_recording(
            std::move(*source), version == 1 ? RecordingFormat::damon_1 : RecordingFormat::damon_2,
            options);
    }
    if (!bytes->empty() && (is_cut(*bytes, beginning) || starts_with(*bytes, damon_magic) ||
                            is_cut(*bytes, damon_magic))) {
        return refuse("is cut off in its first bytes; nothing was recorded.");
    }
    if (may_be_damon_0(*bytes))
        return open_damon_recording(std::move(*source), RecordingFormat::damon_0, options);
    return refuse("is no recording: it " + likeness(*bytes) +
                  ". Name a file that 'damon-schemes record' or DAMON wrote.");
}

Result<std::unique_ptr<RecordingWriter>> create_recording(const std::string& path,
                                                          const RecordingInfo& info,
                                                          OldRecording old_one) {
    if (info.format == RecordingFormat::damon_0) {
        return Error{ErrorKind::usage,
                     "the format damon-0 can be read, not written; choose own, damon-1 or damon-2",
                     0};
    }
    auto file = OutputFile::create(path, old_one);
    if (!file) return file.error();
    if (info.format == RecordingFormat::own) return write_own_recording(std::move(*file), info);
    return write_damon_recording(std::move(*file), info);
}

}  // namespace damon_schemes
