# SPDX-License-Identifier: MIT
"""Point 2: the demo's redis-server."""

from .laboratory import TREE
from .result import mib, microseconds, percent

COMMAND = "./dev demo --scattered --json FILE"


def outcome(figures):
    """How far RSS fell within the time that the promise gives."""
    text = f"down by {percent(figures['rss_drop_at_goal_wait'])}"
    if figures["goal_time_ns"] is not None:
        text += f"; {percent(figures['goal_drop'], 0)} after {figures['goal_time_ns'] / 1e9:.0f} s"
    return text


def reached(figures):
    """Whether RSS fell far enough, and in time."""
    return figures["goal_time_ns"] is not None and figures["goal_time_ns"] <= figures["goal_wait_ns"]


def details(result, title, figures):
    """The windows of one run."""
    dataset = figures["dataset"]
    result.say("", f"{title}: {dataset['keys']:,} keys of {dataset['value_bytes']} bytes, "
               f"{dataset['hot_percent']} % of them read; net saved {mib(figures['net_saved_bytes'])}; "
               f"{figures['cold_reads']} cold keys read back afterwards, each right, "
               f"{microseconds(figures['cold_read_p50_ns'])} in the median.")
    rows = []
    for name, words in (("before", "before the policy"), ("applied", "policy at work"), ("paused", "policy ended")):
        kind = figures[name]
        rates = ", ".join(f"{window['requests_per_second']:.0f}" for window in kind["windows"])
        rows.append((words, f"{kind['requests_per_second']:.0f}", microseconds(kind["p99_ns"]), rates))
    result.table(("medians", "requests a second", "p99", "each window"), rows)
    before, after = figures["memory_before"], figures["memory_applied"]
    result.table(("memory", "before", "with the policy"), [
        (words, mib(before[key]), mib(after[key])) for words, key in (
            ("RSS of redis-server", "rss_bytes"), ("swap used", "swap_used_bytes"),
            ("zram's own", "zram_bytes"), ("used by the system", "system_used_bytes"))])


def redis(laboratory, _options, result):
    """In one boot: the hot keys together, then scattered."""
    laboratory.build("damon_schemes_cli", "redis_demo")
    build = laboratory.build_folder
    policy = "policies/proactive-reclaim.toml"
    _, _, found = laboratory.guest(
        "6.1", ["redis_demo", policy, "--turns", "7", "--scattered", "--json", "/out/demo.json"],
        "2-redis.log", timeout=1500, expect=["demo.json"],
        files=[build / "damon-schemes", build / "benchmarks/demo/redis_demo", f"{TREE / policy}:/root/{policy}"],
        more=["--swap", "512M", "--memory", "1G", "--package", "redis-server"])
    figures = found["demo.json"]
    kernel = laboratory.release("6.1")
    together, scattered = figures["together"], figures["scattered"]
    wait = together["goal_wait_ns"] / 1e9
    windows = len(together["applied"]["windows"])
    result.add("redis: RSS, hot keys together", outcome(together),
               f"down by {percent(together['goal_drop'], 0)} within {wait:.0f} s", reached(together), kernel, COMMAND)
    result.add(f"redis: requests a second with the policy to those without, medians of {windows} windows each",
               percent(together["throughput_kept"]), "at least 95 %", together["throughput_kept"] >= 0.95,
               kernel, COMMAND)
    result.add("redis, small scattered hot keys: RSS", outcome(scattered), kernel=kernel, command=COMMAND)
    result.add("redis, small scattered hot keys: requests a second kept",
               percent(scattered["throughput_kept"]), kernel=kernel, command=COMMAND)
    result.say("The same boot for all; windows with the policy at work and with it ended alternate, and "
               "the cold memory is out in both. Set for emulation: "
               + (", ".join(f"`{setting}`" for setting in figures["settings"]) or "nothing") + ".")
    details(result, "Hot keys together", together)
    details(result, "Hot keys scattered", scattered)
