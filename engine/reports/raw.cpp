// SPDX-License-Identifier: MIT
#include "engine/reports/raw.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/reports/readable.h"
#include "engine/reports/report_json.h"

namespace damon_schemes {
namespace {

constexpr std::size_t chunk = std::size_t{1} << 16;

// Right-aligned in `columns`, with zeros or spaces before it.
void put(std::string& text, std::uint64_t value, int base = 10, std::size_t columns = 0,
         char fill = ' ') {
    std::array<char, 24> digits{};
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
    const auto used = static_cast<std::size_t>(end - digits.data());
    if (used < columns) text.append(columns - used, fill);
    text.append(digits.data(), used);
}

std::string dumped(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

RawReport::RawReport(RawFormat format, const RecordingInfo& info, WriteText write)
    : format_(format), info_(info), write_(std::move(write)) {
    if (format_ == RawFormat::csv)
        text_ = "time_ns,sequence,target,pid,generation,start,end,sampled,accessed,absent,age\n";
}

void RawReport::described(const RecordedTarget& target) {
    if (format_ == RawFormat::text) {
        text_ += "# target " + std::to_string(target.id.value) + ": pid " +
                 std::to_string(target.pid) + ", generation " + std::to_string(target.generation) +
                 ", " + printable(target.name) + ", " + std::to_string(target.mappings.size()) +
                 " mappings\n";
    } else if (format_ == RawFormat::json) {
        nlohmann::json mappings = nlohmann::json::array();
        for (const RecordedMapping& mapping : target.mappings)
            mappings.push_back({mapping.range.start, mapping.range.end, mapping.name});
        put_event(dumped({{"event", "target"},
                          {"target", target.id.value},
                          {"pid", target.pid},
                          {"generation", target.generation},
                          {"name", target.name},
                          {"mappings", std::move(mappings)}}));
    }
    flush(chunk);
}

void RawReport::saw(const SeenTarget& seen) {
    if (!start_) {
        start_ = seen.to;
        if (format_ == RawFormat::text)
            text_ += "start_time:  " + std::to_string(seen.to.time_since_epoch().count()) + "\n";
    }
    switch (format_) {
        case RawFormat::text:
            saw_text(seen);
            break;
        case RawFormat::json:
            saw_json(seen);
            break;
        case RawFormat::csv:
            saw_csv(seen);
            break;
    }
    flush(chunk);
}

void RawReport::saw_text(const SeenTarget& seen) {
    text_ += "rel time: ";
    put(text_, static_cast<std::uint64_t>(elapsed(*start_, seen.to).count()), 10, 16);
    text_ += "\nnr_tasks:  ";
    put(text_, seen.snapshot.targets.size());
    const std::int32_t pid = seen.label.pid;
    text_ += pid > 0 ? "\npid:  " : "\ntarget_id:  ";
    put(text_, pid > 0 ? static_cast<std::uint64_t>(pid) : seen.label.id.value);
    text_ += "\nnr_regions:  ";
    put(text_, seen.regions.size());
    text_ += '\n';
    for (const Region& region : seen.regions) {
        put(text_, region.range.start, 16, 12, '0');
        text_ += '-';
        put(text_, region.range.end, 16, 12, '0');
        text_ += '(';
        put(text_, region.range.size().count, 10, 10);
        text_ += "):\t";
        put(text_, region.accessed);
        text_ += "\tof ";
        put(text_, region.sampled);
        text_ += "\tage ";
        put(text_, region.age);
        if (region.absent != 0) {
            text_ += "\tabsent ";
            put(text_, region.absent);
        }
        text_ += '\n';
    }
    text_ += '\n';
}

void RawReport::saw_json(const SeenTarget& seen) {
    nlohmann::json regions = nlohmann::json::array();
    for (const Region& region : seen.regions) {
        regions.push_back({region.range.start, region.range.end, region.sampled, region.accessed,
                           region.absent, region.age});
    }
    put_event(dumped({{"event", "snapshot"},
                      {"time_ns", seen.to.time_since_epoch().count()},
                      {"duration_ns", seen.snapshot.duration.count()},
                      {"aggregation_ns", seen.snapshot.aggregation_interval.count()},
                      {"sequence", seen.snapshot.sequence},
                      {"target", seen.label.id.value},
                      {"pid", seen.label.pid},
                      {"generation", seen.life.generation},
                      {"exited", seen.target.exited},
                      {"regions", std::move(regions)}}));
}

void RawReport::saw_csv(const SeenTarget& seen) {
    std::string head = std::to_string(seen.to.time_since_epoch().count()) + "," +
                       std::to_string(seen.snapshot.sequence) + "," +
                       std::to_string(seen.label.id.value) + "," + std::to_string(seen.label.pid) +
                       "," + std::to_string(seen.life.generation);
    for (const Region& region : seen.regions) {
        text_ += head;
        for (const std::uint64_t value :
             {region.range.start, region.range.end, std::uint64_t{region.sampled},
              std::uint64_t{region.accessed}, std::uint64_t{region.absent},
              std::uint64_t{region.age}}) {
            text_ += ',';
            put(text_, value);
        }
        text_ += '\n';
    }
}

void RawReport::acted(const RecordedAction& action) {
    const std::string scheme = action.scheme < info_.schemes.size()
                                   ? info_.schemes[action.scheme].name
                                   : std::to_string(action.scheme);
    if (format_ == RawFormat::text) {
        text_ += "# scheme " + printable(scheme) + " on target " +
                 std::to_string(action.target.value) + ": ";
        put(text_, action.range.start, 16, 12, '0');
        text_ += '-';
        put(text_, action.range.end, 16, 12, '0');
        text_ += ", advised " + std::to_string(action.advised.count) + ", paged out " +
                 std::to_string(action.paged_out.count) + " bytes in " +
                 std::to_string(action.spent.count()) + " ns\n";
    } else if (format_ == RawFormat::json) {
        put_event(dumped({{"event", "action"},
                          {"time_ns", action.time.time_since_epoch().count()},
                          {"scheme", scheme},
                          {"target", action.target.value},
                          {"start", action.range.start},
                          {"end", action.range.end},
                          {"advised_bytes", action.advised.count},
                          {"paged_out_bytes", action.paged_out.count},
                          {"spent_ns", action.spent.count()}}));
    }
    flush(chunk);
}

void RawReport::put_event(const std::string& json) {
    text_ += any_event_ ? ",\n" : "{\"report\":\"raw\",\"events\":[\n";
    any_event_ = true;
    text_ += json;
}

void RawReport::flush(std::size_t least) {
    if (text_.size() < least || !written_) return;
    written_ = write_(text_);
    text_.clear();
}

Result<void> RawReport::finish(const Walked& walked) {
    if (format_ == RawFormat::json) {
        // Last, because only now it is known whether all of the file could be read.
        text_ += any_event_ ? "\n],\n" : "{\"report\":\"raw\",\"events\":[],\n";
        text_ += "\"recording\":" + dumped(recording_json(info_, walked)) + "}\n";
    } else if (format_ == RawFormat::text && !start_) {
        text_ += "# no snapshot was selected\n";
    }
    flush(0);
    return written_;
}

}  // namespace damon_schemes
