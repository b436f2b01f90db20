// SPDX-License-Identifier: MIT
#include "benchmarks/accuracy/phase_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "schemes/policy/document.h"
#include "schemes/quantity.h"

namespace damon_schemes::accuracy {
namespace {

std::uint64_t rounded_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

// Everything that is wrong is collected; a value that is wrong reads as its default.
class Reader {
  public:
    explicit Reader(const Document& document) : document_(document) {}

    PhaseFile read() {
        const Node& root = document_.root;
        check_keys(root, {"about", "repeat", "area", "phase", "child"});
        PhaseFile file;
        file.about = text_of(root, "about").value_or("");
        if (file.about.empty()) fail(root, "the file does not say what it is about");
        file.program = read_program(root, {});
        for (const Node* child : tables_of(root, "child")) {
            check_keys(*child, {"in_phase", "repeat", "area", "phase"});
            PlannedChild planned;
            const std::uint64_t phase = number_of(*child, "in_phase").value_or(0);
            if (phase < 1 || phase > file.program.phases.size()) {
                fail(*child, "in_phase has to be the number of a phase, from 1 on");
                continue;
            }
            planned.forked_in = phase - 1;
            std::vector<PlannedArea> inherited = file.program.areas;
            for (std::size_t i = 0; i < inherited.size(); ++i) {
                inherited[i].inherited = true;
                inherited[i].size = file.program.size_in(planned.forked_in, i);
                // A write splits what parent and child share: one Accessed bit no longer speaks for
                // all of the huge page.
                if (inherited[i].huge) fail(*child, "huge pages and children do not go together");
            }
            planned.program = read_program(*child, std::move(inherited));
            Duration left{};
            for (std::size_t i = planned.forked_in; i < file.program.phases.size(); ++i)
                left += file.program.phases[i].duration;
            if (planned.program.duration() > left)
                fail(*child, "the child goes on for longer than its parent");
            file.children.push_back(std::move(planned));
        }
        return file;
    }

    std::string errors;

  private:
    void fail(const Node& node, const std::string& message) {
        const PolicyError error = document_.error_at(node.place, "", message, "");
        errors += (errors.empty() ? "" : "\n") + error.source + ":" + std::to_string(error.line) +
                  ": " + message;
    }

    void check_keys(const Node& table, std::initializer_list<std::string_view> known) {
        for (const Member& member : table.members)
            if (std::find(known.begin(), known.end(), member.key) == known.end())
                fail(member.value, "there is no key '" + member.key + "' here");
    }

    const Node* find(const Node& table, std::string_view key, Node::Kind kind,
                     const char* expected) {
        const Member* member = table.find(key);
        if (member == nullptr) return nullptr;
        if (member->value.kind == kind) return &member->value;
        fail(member->value, "'" + member->key + "' has to be " + expected);
        return nullptr;
    }

    std::optional<std::string> text_of(const Node& table, std::string_view key) {
        const Node* node = find(table, key, Node::Kind::string, "a text");
        if (node == nullptr) return std::nullopt;
        return node->string;
    }

    std::optional<std::uint64_t> number_of(const Node& table, std::string_view key) {
        const Node* node = find(table, key, Node::Kind::integer, "a number");
        if (node == nullptr) return std::nullopt;
        if (node->integer < 0) {
            fail(*node, "'" + std::string(key) + "' is below 0");
            return std::nullopt;
        }
        return static_cast<std::uint64_t>(node->integer);
    }

    template <typename T>
    std::optional<T> quantity_of(const Node& table, std::string_view key,
                                 QuantityReading<T> (*parse)(std::string_view)) {
        const Node* node = find(table, key, Node::Kind::string, "a text with a unit");
        if (node == nullptr) return std::nullopt;
        const QuantityReading<T> reading = parse(node->string);
        if (!reading) fail(*node, reading.message);
        return reading.value;
    }

    // Which of the words; the first where the key is not there.
    std::size_t word_of(const Node& table, std::string_view key,
                        std::initializer_list<std::string_view> words) {
        const Node* node = find(table, key, Node::Kind::string, "a word");
        if (node == nullptr) return 0;
        const auto* const found = std::find(words.begin(), words.end(), node->string);
        if (found == words.end()) {
            fail(*node, "'" + std::string(key) + "' cannot be '" + node->string + "'");
            return 0;
        }
        return static_cast<std::size_t>(found - words.begin());
    }

    std::vector<const Node*> tables_of(const Node& table, std::string_view key) {
        std::vector<const Node*> tables;
        const Node* array = find(table, key, Node::Kind::array, "tables");
        if (array == nullptr) return tables;
        for (const Node& element : array->elements) {
            if (element.kind == Node::Kind::table)
                tables.push_back(&element);
            else
                fail(element, "'" + std::string(key) + "' has to be tables");
        }
        return tables;
    }

    std::optional<std::size_t> area_named(const std::vector<PlannedArea>& areas, const Node& at,
                                          const std::string& name) {
        for (std::size_t i = 0; i < areas.size(); ++i)
            if (areas[i].name == name) return i;
        fail(at, "there is no area '" + name + "'");
        return std::nullopt;
    }

    ProgramPlan read_program(const Node& table, std::vector<PlannedArea> areas) {
        ProgramPlan program;
        program.areas = std::move(areas);
        for (const Node* area : tables_of(table, "area")) read_area(*area, program);
        for (const Node* phase : tables_of(table, "phase")) read_phase(*phase, program);
        if (program.phases.empty()) fail(table, "a program needs a phase");
        const std::uint64_t repeat = number_of(table, "repeat").value_or(1);
        if (repeat < 1 || repeat > 1000) fail(table, "repeat is from 1 to 1000");
        const std::vector<Phase> once = program.phases;
        for (std::uint64_t i = 1; i < std::min<std::uint64_t>(repeat, 1000); ++i)
            program.phases.insert(program.phases.end(), once.begin(), once.end());
        for (std::size_t phase = 0; phase < once.size(); ++phase)
            check_accesses(*tables_of(table, "phase")[phase], program, phase);
        return program;
    }

    void read_area(const Node& table, ProgramPlan& program) {
        check_keys(table, {"name", "size", "pages", "kind"});
        PlannedArea area;
        area.name = text_of(table, "name").value_or("");
        area.kind = static_cast<AreaKind>(word_of(table, "kind", {"anonymous", "file", "shared"}));
        area.huge = word_of(table, "pages", {"base", "huge"}) == 1;
        area.size = quantity_of(table, "size", parse_bytes).value_or(Bytes());
        if (area.name.empty()) fail(table, "an area needs a name");
        if (table.find("size") == nullptr) fail(table, "an area needs a size");
        if (area.huge && area.kind != AreaKind::anonymous)
            fail(table, "only anonymous areas can have huge pages");
        for (const PlannedArea& other : program.areas)
            if (other.name == area.name) fail(table, "there are two areas '" + area.name + "'");
        check_size(table, area, area.size);
        program.areas.push_back(std::move(area));
    }

    void check_size(const Node& at, const PlannedArea& area, Bytes size) {
        if (size.count % area.unit() != 0)
            fail(at, "the size of '" + area.name + "' is no multiple of " +
                         damon_schemes::to_string(Bytes{area.unit()}));
    }

    void read_phase(const Node& table, ProgramPlan& program) {
        check_keys(table, {"duration", "sizes", "access"});
        Phase phase;
        phase.duration = quantity_of(table, "duration", parse_duration).value_or(Duration());
        if (phase.duration <= Duration()) fail(table, "a phase needs a duration");
        if (const Node* sizes = find(table, "sizes", Node::Kind::table, "a table"))
            for (const Member& member : sizes->members) {
                const auto area = area_named(program.areas, member.value, member.key);
                const auto size = quantity_of(*sizes, member.key, parse_bytes);
                if (!area || !size) continue;
                if (program.areas[*area].inherited)
                    fail(member.value, "what a child inherited keeps its size");
                check_size(member.value, program.areas[*area], *size);
                phase.sizes.emplace_back(*area, *size);
            }
        for (const Node* access : tables_of(table, "access"))
            phase.accesses.push_back(read_access(*access, program));
        program.phases.push_back(std::move(phase));
    }

    Access read_access(const Node& table, const ProgramPlan& program) {
        check_keys(table, {"area", "share", "round", "order", "stride", "writes", "part", "spots"});
        Access access;
        if (const auto name = text_of(table, "area"))
            access.area = area_named(program.areas, table, *name).value_or(0);
        else
            fail(table, "an access needs an area");
        access.share = quantity_of(table, "share", parse_share);
        access.round = quantity_of(table, "round", parse_duration);
        if (access.share.has_value() == access.round.has_value())
            fail(table, "an access needs either a share of time, or a round");
        if (access.round && *access.round <= Duration()) fail(table, "a round takes time");
        access.random = word_of(table, "order", {"sequential", "random"}) == 1;
        access.stride = quantity_of(table, "stride", parse_bytes).value_or(Bytes{page_bytes});
        if (access.stride.count < 8 || access.stride.count % 8 != 0)
            fail(table, "a stride is a multiple of 8 bytes");
        access.writes = quantity_of(table, "writes", parse_share).value_or(Share{0});
        if (const Node* part = find(table, "part", Node::Kind::table, "a table")) {
            check_keys(*part, {"from", "to"});
            access.from = quantity_of(*part, "from", parse_share).value_or(Share{0});
            access.to = quantity_of(*part, "to", parse_share).value_or(Share{1'000'000});
            if (access.from >= access.to) fail(*part, "the part is empty");
        }
        if (const Node* spots = find(table, "spots", Node::Kind::table, "a table")) {
            check_keys(*spots, {"number", "size", "seed"});
            access.spots = Spots{number_of(*spots, "number").value_or(0),
                                 quantity_of(*spots, "size", parse_bytes).value_or(Bytes()),
                                 number_of(*spots, "seed").value_or(0)};
            if (access.spots->number == 0 || access.spots->size.count == 0 ||
                access.spots->size.count % page_bytes != 0)
                fail(*spots, "spots need a number, and a size of whole pages");
        }
        return access;
    }

    // What depends on how large areas are in the phase.
    void check_accesses(const Node& at, const ProgramPlan& program, std::size_t phase) {
        std::uint64_t shares = 0;
        for (const Access& access : program.phases[phase].accesses) {
            if (program.areas.empty()) return;
            shares += access.share.value_or(Share{0}).ppm;
            const PlannedArea& area = program.areas[access.area];
            const std::uint64_t part = program.size_in(phase, access.area).count / 1'000'000 *
                                       (access.to.ppm - access.from.ppm);
            if (part == 0) fail(at, "'" + area.name + "' is used and not mapped");
            if (area.inherited && area.kind != AreaKind::anonymous)
                fail(at, "a child uses '" + area.name + "', which is not anonymous");
            if (access.spots && access.spots->size.count > part / access.spots->number)
                fail(at, "the spots do not fit into '" + area.name + "'");
        }
        if (shares > 1'000'000) fail(at, "the shares of time are more than 100 %");
    }

    const Document& document_;
};

}  // namespace

Bytes ProgramPlan::size_in(std::size_t phase, std::size_t area) const {
    Bytes size = areas[area].size;
    for (std::size_t i = 0; i <= phase && i < phases.size(); ++i)
        for (const auto& [which, now] : phases[i].sizes)
            if (which == area) size = now;
    return size;
}

Bytes ProgramPlan::most_of(std::size_t area) const {
    Bytes most = areas[area].size;
    for (const Phase& phase : phases)
        for (const auto& [which, now] : phase.sizes)
            if (which == area) most = std::max(most, now);
    return most;
}

Duration ProgramPlan::duration() const {
    Duration sum{};
    for (const Phase& phase : phases) sum += phase.duration;
    return sum;
}

Result<PhaseFile> read_phase_file(std::string_view text, const std::string& name) {
    PolicyReadOptions options;
    options.source = name;
    const DocumentReading parsed = parse_document(text, options);
    if (!parsed.parsed) {
        const PolicyError& error = parsed.errors.front();
        return Error{ErrorKind::usage,
                     error.source + ":" + std::to_string(error.line) + ": " + error.message};
    }
    Reader reader(parsed.document);
    PhaseFile file = reader.read();
    if (!reader.errors.empty()) return Error{ErrorKind::usage, reader.errors};
    return file;
}

PhaseFile scaled(PhaseFile file, double sizes, double times) {
    const auto scale_size = [sizes](Bytes& size, std::uint64_t unit) {
        const double exact = static_cast<double>(size.count) * sizes;
        size.count = rounded_up(static_cast<std::uint64_t>(std::ceil(exact)), unit);
    };
    const auto scale_time = [times](Duration& time) {
        time = Duration(std::llround(static_cast<double>(time.count()) * times));
    };
    const auto scale_program = [&](ProgramPlan& program) {
        for (PlannedArea& area : program.areas) scale_size(area.size, area.unit());
        for (Phase& phase : program.phases) {
            scale_time(phase.duration);
            for (auto& [area, size] : phase.sizes) scale_size(size, program.areas[area].unit());
            for (Access& access : phase.accesses) {
                if (access.round) scale_time(*access.round);
                if (access.spots) scale_size(access.spots->size, page_bytes);
            }
        }
    };
    scale_program(file.program);
    for (PlannedChild& child : file.children) scale_program(child.program);
    return file;
}

}  // namespace damon_schemes::accuracy
