// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/truth_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

namespace damon_schemes::accuracy {
namespace {

constexpr const char* first_line = "damon-schemes truth 1";
constexpr std::uint64_t longest_record = 1 << 30;

std::int64_t number_of(Instant instant) {
    return instant.time_since_epoch().count();
}
Instant instant_of(const nlohmann::json& number) {
    return Instant(Duration(number.get<std::int64_t>()));
}

nlohmann::json head_of(const Truth& truth) {
    nlohmann::json head = {{"begin", number_of(truth.begin())},
                           {"end", number_of(truth.end())},
                           {"slot", truth.slot().count()},
                           {"phases", nlohmann::json::array()},
                           {"processes", nlohmann::json::array()}};
    for (const Instant phase : truth.phases()) head["phases"].push_back(number_of(phase));
    for (std::size_t process = 0; process < truth.processes(); ++process) {
        nlohmann::json areas = nlohmann::json::array(), excluded = nlohmann::json::array();
        for (std::size_t i = 0; i < truth.areas(process); ++i) {
            const Area& area = truth.area(process, i);
            nlohmann::json mappings = nlohmann::json::array();
            for (const Mapping& mapping : area.mappings)
                mappings.push_back({mapping.range.start, mapping.range.end, number_of(mapping.from),
                                    number_of(mapping.to)});
            areas.push_back({{"name", area.name},
                             {"start", area.start},
                             {"unit", area.unit},
                             {"units", area.units},
                             {"mappings", mappings}});
        }
        for (const Excluded& each : truth.excluded(process))
            excluded.push_back(
                {{"name", each.name}, {"start", each.range.start}, {"end", each.range.end}});
        head["processes"].push_back(
            {{"pid", truth.pid(process)}, {"areas", areas}, {"excluded", excluded}});
    }
    return head;
}

Truth truth_of(const nlohmann::json& head) {
    Truth truth(instant_of(head.at("begin")), Duration(head.at("slot").get<std::int64_t>()));
    truth.set_end(instant_of(head.at("end")));
    for (const nlohmann::json& phase : head.at("phases")) truth.add_phase(instant_of(phase));
    for (const nlohmann::json& each : head.at("processes")) {
        const std::size_t process = truth.add_process(each.at("pid").get<std::int32_t>());
        for (const nlohmann::json& from : each.at("areas")) {
            Area area{from.at("name").get<std::string>(),
                      from.at("start").get<std::uint64_t>(),
                      from.at("unit").get<std::uint64_t>(),
                      from.at("units").get<std::uint64_t>(),
                      {}};
            for (const nlohmann::json& mapping : from.at("mappings"))
                area.mappings.push_back(
                    {{mapping.at(0).get<std::uint64_t>(), mapping.at(1).get<std::uint64_t>()},
                     instant_of(mapping.at(2)),
                     instant_of(mapping.at(3))});
            truth.add_area(process, std::move(area));
        }
        for (const nlohmann::json& from : each.at("excluded"))
            truth.exclude(process, {from.at("name").get<std::string>(),
                                    {from.at("start").get<std::uint64_t>(),
                                     from.at("end").get<std::uint64_t>()}});
    }
    return truth;
}

// Process, area, slot, length.
using RecordHead = std::array<std::uint64_t, 4>;

Error broken(const std::string& path, const std::string& what) {
    return {ErrorKind::runtime, path + " is no truth that can be read: " + what};
}

}  // namespace

Result<void> write_truth(const Truth& truth, const std::string& path) {
    std::ofstream file(path, std::ios::binary);
    file << first_line << "\n" << head_of(truth).dump() << "\n";
    for (std::size_t process = 0; process < truth.processes(); ++process)
        for (std::size_t area = 0; area < truth.areas(process); ++area)
            for (const Truth::SlotTouches& slot : truth.slots(process, area)) {
                const RecordHead head = {process, area, slot.slot, slot.length};
                const auto bytes = truth.touches(process, area, slot);
                file.write(reinterpret_cast<const char*>(head.data()), sizeof(head));
                file.write(reinterpret_cast<const char*>(bytes.data()),
                           static_cast<std::streamsize>(bytes.size()));
            }
    if (!file.flush())
        return Error{ErrorKind::runtime, "cannot write " + path + ": " + std::strerror(errno),
                     errno};
    return {};
}

Result<Truth> read_truth(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return Error{ErrorKind::runtime, "cannot read " + path + ": " + std::strerror(errno),
                     errno};
    std::string line;
    if (!std::getline(file, line) || line != first_line)
        return broken(path, "it does not begin with '" + std::string(first_line) + "'");
    std::getline(file, line);
    try {
        Truth truth = truth_of(nlohmann::json::parse(line));
        RecordHead head{};
        std::vector<std::uint8_t> bytes;
        while (file.read(reinterpret_cast<char*>(head.data()), sizeof(head))) {
            const auto [process, area, slot, length] = head;
            if (process >= truth.processes() || area >= truth.areas(process) ||
                length > longest_record)
                return broken(path, "a record contradicts its head");
            const auto before = truth.slots(process, area);
            if (!before.empty() && before.back().slot >= slot)
                return broken(path, "its slots are not in order");
            bytes.resize(length);
            if (!file.read(reinterpret_cast<char*>(bytes.data()),
                           static_cast<std::streamsize>(length)))
                return broken(path, "it ends in the middle of a record");
            truth.record_encoded(process, area, slot, bytes);
        }
        if (file.gcount() != 0) return broken(path, "it ends in the middle of a record");
        return truth;
    } catch (const nlohmann::json::exception& error) {
        return broken(path, error.what());
    }
}

}  // namespace damon_schemes::accuracy
