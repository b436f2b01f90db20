// SPDX-License-Identifier: MIT
#include "engine/control/control_requests.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/reports/daemon_status.h"
#include "engine/reports/decision.h"
#include "engine/reports/readable.h"
#include "schemes/quantity.h"

namespace damon_schemes {
namespace {

using nlohmann::json;

constexpr std::size_t longest_text = 1024;
constexpr std::int64_t widest = 500;

// What each command may have beside "version" and "command".
struct Command {
    std::string_view name;
    std::vector<std::string_view> fields;
};
const std::vector<Command>& commands() {
    static const std::vector<Command> all{
        {"status", {}},
        {"explain", {"pid", "address", "format", "width"}},
        {"reload", {}},
        {"pause", {"policy", "pid", "for_ns"}},
        {"resume", {"policy", "pid"}},
        {"release", {"policy", "pid", "for_ns", "force"}},
        {"set-goal", {"policy", "scheme", "file", "value", "clear"}},
    };
    return all;
}

std::string names(const std::vector<std::string_view>& of) {
    std::string text;
    for (std::size_t i = 0; i < of.size(); ++i)
        text += std::string(i == 0 ? "" : i + 1 < of.size() ? ", " : " and ") + std::string(of[i]);
    return text;
}

std::string name_all_commands() {
    std::vector<std::string_view> all;
    for (const Command& command : commands()) all.push_back(command.name);
    return names(all);
}

}  // namespace

// The fields of a request, and the first thing that is wrong with them.
class RequestFields {
  public:
    explicit RequestFields(const json& request) : request_(request) {}

    std::string text(const char* name) const {
        const json value = request_.value(name, json());
        if (value.is_null()) return "";
        if (!value.is_string() || value.get_ref<const std::string&>().empty() ||
            value.get_ref<const std::string&>().size() > longest_text) {
            wrong(name, "a text of 1 to " + std::to_string(longest_text) + " bytes");
            return "";
        }
        return value.get<std::string>();
    }
    std::optional<std::int64_t> number(const char* name, std::int64_t least,
                                       std::int64_t most) const {
        const json value = request_.value(name, json());
        if (value.is_null()) return std::nullopt;
        // What is too large for its type would come out as another number.
        const bool fits = value.is_number_integer() &&
                          (!value.is_number_unsigned() ||
                           value.get<std::uint64_t>() <=
                               std::uint64_t{std::numeric_limits<std::int64_t>::max()}) &&
                          value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
        if (fits) return value.get<std::int64_t>();
        wrong(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
        return std::nullopt;
    }
    std::optional<double> figure(const char* name) const {
        const json value = request_.value(name, json());
        if (value.is_null()) return std::nullopt;
        if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
        wrong(name, "a number");
        return std::nullopt;
    }
    bool truth(const char* name) const {
        const json value = request_.value(name, json());
        if (value.is_boolean()) return value.get<bool>();
        if (!value.is_null()) wrong(name, "true or false");
        return false;
    }
    std::optional<Duration> time(const char* name) const {
        const auto nanoseconds = number(name, Duration(std::chrono::seconds(1)).count(),
                                        Duration(longest_duration).count());
        return nanoseconds ? std::optional(Duration(*nanoseconds)) : std::nullopt;
    }
    Daemon::Scope scope() const {
        Daemon::Scope scope;
        scope.policy = text("policy");
        if (const auto pid = number("pid", 1, std::numeric_limits<std::int32_t>::max()))
            scope.pid = static_cast<std::int32_t>(*pid);
        if (!scope.policy.empty() && scope.pid)
            problem("'policy' and 'pid' are two different things: name one");
        return scope;
    }
    void problem(std::string what) const {
        if (problem_.empty()) problem_ = std::move(what);
    }
    // Empty: none.
    const std::string& problem() const { return problem_; }

  private:
    void wrong(const char* name, const std::string& expected) const {
        problem("'" + std::string(name) + "' has to be " + expected);
    }

    const json& request_;
    mutable std::string problem_;
};

namespace {

// What is wrong with a request as a whole; nullopt: nothing.
std::optional<std::string> refusal_of(const json& request) {
    if (!request.is_object() || !request.value("command", json()).is_string())
        return R"(a request is a line such as {"version": 1, "command": "status"})";
    if (request.value("version", json()) != json(answer_version))
        return "this daemon speaks version " + std::to_string(answer_version);
    const auto& asked = request["command"].get_ref<const std::string&>();
    const auto command = std::find_if(commands().begin(), commands().end(),
                                      [&](const Command& known) { return known.name == asked; });
    if (command == commands().end())
        return "there is no command '" + printable(shortened(asked, 40)) + "': there are " +
               name_all_commands();
    for (const auto& [field, value] : request.items()) {
        if (field == "version" || field == "command") continue;
        if (std::find(command->fields.begin(), command->fields.end(), field) ==
            command->fields.end())
            return asked + " has no field '" + printable(shortened(field, 40)) + "'" +
                   (command->fields.empty() ? "" : ": it has " + names(command->fields));
    }
    return std::nullopt;
}

std::string answer_of_release(const Daemon::Released& released) {
    return json{{"version", answer_version},
                {"ok", true},
                {"done", released.words},
                {"targets", released.targets},
                {"bytes", released.bytes.count}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string answer_of(const Result<std::string>& done) {
    return done ? answer_done(*done) : answer_refused(done.error().message);
}

Daemon::GoalOrder goal_order(const RequestFields& fields) {
    Daemon::GoalOrder order;
    order.policy = fields.text("policy");
    order.scheme = fields.text("scheme");
    order.file = fields.text("file");
    order.value = fields.figure("value");
    if (order.policy.empty() || order.scheme.empty())
        fields.problem("it takes a 'policy' and a 'scheme'");
    if (fields.truth("clear") == order.value.has_value())
        fields.problem("it takes either a 'value', or 'clear'");
    return order;
}

}  // namespace

ControlRequests::ControlRequests(Daemon& daemon, std::function<Result<void>()> reload,
                                 std::function<void(Daemon::Level, const std::string&)> say)
    : daemon_(daemon), reload_(std::move(reload)), say_(std::move(say)) {}

void ControlRequests::answer(const std::string& request, const Peer& peer,
                             const ControlSocket::Reply& reply) {
    const json asked = json::parse(request, nullptr, false);
    if (const auto refused = refusal_of(asked)) return reply(answer_refused(*refused));
    const RequestFields fields(asked);
    const auto& command = asked["command"].get_ref<const std::string&>();
    if (command == "status") return reply(damon_schemes::answer_of(daemon_.status()));
    if (command == "explain") return explain(fields, reply);
    reply(change(command, fields, peer));
}

std::string ControlRequests::change(const std::string& command, const RequestFields& fields,
                                    const Peer& peer) {
    const Daemon::Asker by{peer.pid, peer.uid};
    Daemon::Scope scope;
    if (command != "set-goal" && command != "reload") scope = fields.scope();
    std::function<std::string()> act;
    if (command == "reload") {
        act = [&] {
            const auto reloaded = reload_();
            return reloaded ? answer_done() : answer_refused(reloaded.error().message);
        };
    } else if (command == "pause") {
        act = [&, time = fields.time("for_ns")] {
            return answer_of(daemon_.pause(scope, time, by));
        };
    } else if (command == "resume") {
        act = [&] { return answer_of(daemon_.resume(scope)); };
    } else if (command == "release") {
        Daemon::ReleaseOrder order;
        order.scope = scope;
        order.pause = fields.time("for_ns").value_or(order.pause);
        order.force = fields.truth("force");
        act = [&, order] {
            const auto released = daemon_.release(order, by);
            return released ? answer_of_release(*released)
                            : answer_refused(released.error().message);
        };
    } else {
        act = [&, order = goal_order(fields)] { return answer_of(daemon_.set_goal(order)); };
    }
    if (!fields.problem().empty()) return answer_refused(command + ": " + fields.problem());
    const std::string about = scope.pid              ? " process " + std::to_string(*scope.pid)
                              : scope.policy.empty() ? ""
                                                     : " " + printable(scope.policy);
    say_(Daemon::Level::info, "told to " + command + about + " by process " +
                                  std::to_string(peer.pid) + " of user " +
                                  std::to_string(peer.uid));
    std::string answer = act();
    // What comes of a reload is in the log anyway.
    if (command == "reload") return answer;
    if (const auto done = read_done(answer))
        say_(Daemon::Level::info, command + ": " + *done);
    else
        say_(Daemon::Level::warning, command + ": " + done.error().message);
    return answer;
}

void ControlRequests::explain(const RequestFields& fields, const ControlSocket::Reply& reply) {
    const auto pid = fields.number("pid", 1, std::numeric_limits<std::int32_t>::max());
    const std::string text = fields.text("address");
    const std::string format = fields.text("format");
    const auto width = fields.number("width", 60, widest);
    if (!pid) fields.problem("it takes a 'pid'");
    const auto address = text.empty() ? std::nullopt : parse_address(text);
    if (!text.empty() && !address)
        fields.problem("'" + printable(text) +
                       "' is no address; write one as /proc/PID/maps shows it, such as "
                       "0x7f12a4000000");
    if (!format.empty() && format != "json" && format != "text")
        fields.problem("'format' is json or text");
    if (!fields.problem().empty()) return reply(answer_refused("explain: " + fields.problem()));

    daemon_.explain(
        static_cast<std::int32_t>(*pid),
        [reply, address, text, json_asked = format != "text",
         columns = static_cast<std::size_t>(width.value_or(80))](const Result<Decision>& decided) {
            if (!decided) return reply(answer_refused(decided.error().message));
            if (address && !is_seen(*decided, *address))
                return reply(answer_refused(
                    "no region holds " + printable(text) +
                    ": it is not mapped, or lies in one of the large gaps that are left out (see "
                    "/proc/PID/maps)"));
            json answer{{"version", answer_version}, {"ok", true}};
            if (json_asked)
                answer["decision"] = json::parse(decision_json(*decided, address), nullptr, false);
            else
                answer["text"] = address ? decision_table(*decided, *address, columns)
                                         : decision_table(*decided, columns);
            reply(answer.dump(-1, ' ', false, json::error_handler_t::replace));
        });
}

std::optional<std::uint64_t> parse_address(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    std::uint64_t address = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, address, 16);
    if (text.empty() || error != std::errc() || last != end) return std::nullopt;
    return address;
}

}  // namespace damon_schemes
