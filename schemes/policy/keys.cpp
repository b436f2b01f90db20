// SPDX-License-Identifier: MIT
#include "schemes/policy/keys.h"

#include <array>

namespace damon_schemes {

namespace {

constexpr std::string_view a_table = "a table";
constexpr std::string_view tables_of_targets = "tables, each begun by a line [[target]]";
constexpr std::string_view tables_of_schemes = "tables, each begun by a line [[scheme]]";
constexpr std::string_view a_number = "a whole number such as 10";
constexpr std::string_view a_text = "text in quotes such as \"redis-server\"";
constexpr std::string_view a_name = "a name in quotes such as \"cold\"";
constexpr std::string_view true_or_false = "true or false";
constexpr std::string_view a_size = "a size such as \"4KiB\"";
constexpr std::string_view a_duration = "a duration such as \"100ms\"";
constexpr std::string_view a_share = "a share such as \"5%\"";
constexpr std::string_view a_range = "a range such as { min = …, max = … }";

constexpr auto keys = std::to_array<PolicyKey>({
    {"version", KeyType::integer, "the number 1", "", "1"},

    {"monitor", KeyType::table, a_table, "", ""},
    {"monitor.sampling_interval", KeyType::duration, a_duration, "\"5ms\"", "\"10ms\""},
    {"monitor.aggregation_interval", KeyType::duration, a_duration, "\"100ms\"", "\"200ms\""},
    {"monitor.update_interval", KeyType::duration, a_duration, "\"1s\"", "\"5s\""},
    {"monitor.regions", KeyType::table, a_range, "", "{ min = 20, max = 500 }"},
    {"monitor.regions.min", KeyType::integer, a_number, "10", "20"},
    {"monitor.regions.max", KeyType::integer, a_number, "1000", "500"},
    {"monitor.min_region_size", KeyType::size, a_size, "\"4KiB\"", "\"64KiB\""},
    {"monitor.tlb", KeyType::word, "\"auto\", \"none\", \"page\" or \"full\"", "\"auto\"",
     "\"page\""},

    {"target", KeyType::tables, tables_of_targets, "", ""},
    {"target.pid", KeyType::integer, "a process id such as 4242", "", "4242"},
    {"target.name", KeyType::text, a_text, "", "\"redis-server\""},
    {"target.all", KeyType::boolean, true_or_false, "false", "true"},

    {"scheme", KeyType::tables, tables_of_schemes, "", ""},
    {"scheme.name", KeyType::text, a_name, "", "\"cold\""},
    {"scheme.action", KeyType::word, "\"pageout\", \"cold\", \"willneed\" or \"stat\"", "",
     "\"pageout\""},
    {"scheme.size", KeyType::table, a_range, "", "{ min = \"4KiB\" }"},
    {"scheme.size.min", KeyType::size, a_size, "", "\"4KiB\""},
    {"scheme.size.max", KeyType::size, a_size, "", "\"1GiB\""},
    {"scheme.frequency", KeyType::table, a_range, "", "{ max = \"5%\" }"},
    {"scheme.frequency.min", KeyType::share, a_share, "", "\"5%\""},
    {"scheme.frequency.max", KeyType::share, a_share, "", "\"50%\""},
    {"scheme.age", KeyType::table, a_range, "", "{ min = \"10s\" }"},
    {"scheme.age.min", KeyType::duration, a_duration, "", "\"10s\""},
    {"scheme.age.max", KeyType::duration, a_duration, "", "\"1min\""},
    {"scheme.quota", KeyType::table,
     "\"off\" or a table such as { bytes = \"128MiB\", time = \"10ms\", per = \"1s\" }", "",
     "\"off\""},
    {"scheme.quota.bytes", KeyType::size, "\"off\" or a size such as \"128MiB\"", "\"128MiB\"",
     "\"64MiB\""},
    {"scheme.quota.time", KeyType::duration, "\"off\" or a duration such as \"10ms\"", "\"10ms\"",
     "\"5ms\""},
    {"scheme.quota.per", KeyType::duration, a_duration, "\"1s\"", "\"2s\""},
    {"scheme.allow_unseen_accesses", KeyType::boolean, true_or_false, "false", "true"},
    {"scheme.split_huge_pages", KeyType::boolean, true_or_false, "false", "true"},

    {"limits", KeyType::table, a_table, "", ""},
    {"limits.min_free_swap", KeyType::share, "\"off\" or a share such as \"10%\"", "\"10%\"",
     "\"20%\""},
    {"limits.brake", KeyType::table,
     "\"off\" or a table such as { faults_per_second = 100, times = 10, pause = \"60s\" }", "",
     "\"off\""},
    {"limits.brake.faults_per_second", KeyType::integer, a_number, "100", "500"},
    {"limits.brake.times", KeyType::integer, a_number, "10", "20"},
    {"limits.brake.pause", KeyType::duration, a_duration, "\"60s\"", "\"2min\""},
});

constexpr auto aliases = std::to_array<KeyAlias>({
    {"", "scheme_version", "version"},
    {"", "monitoring", "[monitor]"},
    {"", "targets", "[[target]]"},
    {"", "schemes", "[[scheme]]"},
    {"", "limit", "[limits]"},
    {"", "pid", "a [[target]] with pid = …"},
    {"monitor", "sample_interval", "sampling_interval"},
    {"monitor", "sampling", "sampling_interval"},
    {"monitor", "aggr_interval", "aggregation_interval"},
    {"monitor", "aggregation", "aggregation_interval"},
    {"monitor", "regions_update_interval", "update_interval"},
    {"monitor", "ops_update_interval", "update_interval"},
    {"monitor", "min_regions", "regions = { min = … }"},
    {"monitor", "max_regions", "regions = { max = … }"},
    {"monitor", "min_nr_regions", "regions = { min = … }"},
    {"monitor", "max_nr_regions", "regions = { max = … }"},
    {"monitor", "nr_regions", "regions = { min = …, max = … }"},
    {"monitor", "region_size", "min_region_size"},
    {"target", "comm", "name"},
    {"target", "process", "name"},
    {"scheme", "min_size", "size = { min = … }"},
    {"scheme", "max_size", "size = { max = … }"},
    {"scheme", "size_min", "size = { min = … }"},
    {"scheme", "size_max", "size = { max = … }"},
    {"scheme", "min_frequency", "frequency = { min = … }"},
    {"scheme", "max_frequency", "frequency = { max = … }"},
    {"scheme", "nr_accesses", "frequency = { min = …, max = … }"},
    {"scheme", "min_nr_accesses", "frequency = { min = … }"},
    {"scheme", "max_nr_accesses", "frequency = { max = … }"},
    {"scheme", "min_age", "age = { min = … }"},
    {"scheme", "max_age", "age = { max = … }"},
    {"scheme", "age_min", "age = { min = … }"},
    {"scheme", "age_max", "age = { max = … }"},
    {"scheme", "quotas", "quota"},
    {"scheme.quota", "size", "bytes"},
    {"scheme.quota", "window", "per"},
    {"scheme.quota", "reset_interval", "per"},
    {"limits", "swap", "min_free_swap"},
});

}  // namespace

std::span<const PolicyKey> policy_keys() {
    return keys;
}
std::span<const KeyAlias> policy_key_aliases() {
    return aliases;
}

}  // namespace damon_schemes
