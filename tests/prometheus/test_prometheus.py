#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prometheus's own tools and Prometheus itself on our metrics and rules.

usage: test_prometheus.py METRICS_SAMPLE

Prometheus is this machine's, or Debian's, unpacked into the lab's cache and not
installed. Without either all is skipped (status 77).
"""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
PACKAGED = TREE / "packaging/prometheus"
sys.path.insert(0, str(TREE / "lab"))

# Not a time that anything should take: until then it is waited for.
PATIENCE = 120

CONFIG = """
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: damon-schemes
    static_configs: [{{ targets: ["{address}"] }}]
"""


def prometheus_folder():
    """Where promtool and prometheus are, or (None, why not)."""
    if shutil.which("promtool") and shutil.which("prometheus"):
        return Path(shutil.which("promtool")).parent, None
    from microvm import LabError
    from microvm.debian import require, unpacked

    try:
        return unpacked(require("prometheus")) / "usr/bin", None
    except (LabError, OSError, subprocess.SubprocessError) as error:
        return None, f"no Prometheus here, and none to be had: {str(error).splitlines()[0]}"


class OnOurMetrics(unittest.TestCase):
    sample, tools = None, None

    def promtool(self, *arguments, text=None):
        done = subprocess.run([self.tools / "promtool", *arguments], input=text, text=True,
                              capture_output=True, cwd=Path(__file__).parent, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_promtool_finds_no_fault_with_the_metrics(self):
        text = subprocess.run([self.sample, "text"], capture_output=True, text=True, check=True)
        self.assertGreater(len(text.stdout.splitlines()), 150)
        self.assertEqual(self.promtool("check", "metrics", text=text.stdout), (0, ""))

    def test_promtool_would_have_found_one(self):
        status, said = self.promtool("check", "metrics", text="# TYPE a counter\na 1\n")
        self.assertNotEqual(status, 0, said)

    def test_the_rules_are_sound(self):
        status, said = self.promtool("check", "rules", "--lint=all", "--lint-fatal",
                                     PACKAGED / "damon-schemes.rules.yml")
        self.assertEqual(status, 0, said)

    def test_each_alert_comes_when_it_should_and_no_other(self):
        status, said = self.promtool("test", "rules", "rules_test.yml")
        self.assertEqual(status, 0, said)

    def test_the_example_of_a_configuration_is_sound(self):
        status, said = self.promtool("check", "config", PACKAGED / "scrape.yml")
        self.assertEqual(status, 0, said)

    def test_prometheus_scrapes_us_and_answers_with_our_figures(self):
        with contextlib.ExitStack() as stack:
            address = stack.enter_context(served(self.sample))
            asked = stack.enter_context(prometheus(self.tools, address))
            answer = asked.until("up == 1")
            self.assertEqual(len(answer), 1, asked.log())
            for query, value in (
                ('damon_schemes_paged_out_bytes_total{scheme="cold"}', 51 << 20),
                ("sum(damon_schemes_targets)", 4),
                ('damon_schemes_targets{rule="name=nginx"}', 2),
                ("damon_schemes_host_swap_free_bytes / damon_schemes_host_swap_bytes", None),
                ('damon_schemes_build_info{version="1.2.3"}', 1),
                ("damon_schemes_policy_observing == 1", 1),
                ("ALERTS{alertname='DamonSchemesObservingOnly'}", 1),
            ):
                answer = asked.until(query)
                self.assertEqual(len(answer), 1, f"{query}: {answer}\n{asked.log()}")
                if value is not None:
                    self.assertEqual(float(answer[0]["value"][1]), value, query)
            # As OpenMetrics: the text format has no units.
            known = asked.get("metadata")["damon_schemes_paged_out_bytes"][0]
            self.assertEqual((known["type"], known["unit"]), ("counter", "bytes"))
            targets = asked.get("targets")["activeTargets"]
            self.assertEqual([(t["health"], t["lastError"]) for t in targets], [("up", "")])
            rules = [rule for group in asked.get("rules")["groups"] for rule in group["rules"]]
            self.assertEqual({rule["health"] for rule in rules}, {"ok"})
            # Nothing was refused, dropped or doubled.
            scraped = float(asked.until("scrape_samples_scraped")[0]["value"][1])
            text = subprocess.run([self.sample, "openmetrics"], capture_output=True, text=True,
                                  check=True).stdout
            ours = [line for line in text.splitlines() if not line.startswith("#")]
            self.assertEqual(scraped, len(ours))


@contextlib.contextmanager
def served(sample):
    """A sample that serves until it is left; its address."""
    with subprocess.Popen([sample, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait()


@contextlib.contextmanager
def prometheus(tools, address):
    """A Prometheus of our own that scrapes ADDRESS; ends, and leaves nothing."""
    with tempfile.TemporaryDirectory(prefix="damon-schemes-") as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        taken.close()
        config = Path(folder, "prometheus.yml")
        config.write_text(CONFIG.format(rules=PACKAGED / "damon-schemes.rules.yml",
                                        address=address), encoding="utf-8")
        log = Path(folder, "log")
        with open(log, "w", encoding="utf-8") as said, subprocess.Popen(
            [tools / "prometheus", f"--config.file={config}", f"--web.listen-address={where}",
             f"--storage.tsdb.path={folder}/data"], stdout=said, stderr=said, cwd=folder,
        ) as process:
            try:
                yield Asked(where, log, process)
            finally:
                process.terminate()
                process.wait()


class Asked:
    """What a Prometheus answers."""

    def __init__(self, where, log, process):
        self.where, self.path, self.process = where, log, process

    def log(self):
        return self.path.read_text(encoding="utf-8")[-4000:]

    def get(self, what, **arguments):
        url = f"http://{self.where}/api/v1/{what}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def until(self, query):
        """The query's answer, as soon as there is any."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError("Prometheus ended:\n" + self.log())
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                if found := self.get("query", query=query)["result"]:
                    return found
            time.sleep(0.1)
        return []


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    OnOurMetrics.sample = sys.argv.pop()
    OnOurMetrics.tools, why = prometheus_folder()
    if why:
        print(why)
        sys.exit(77)
    unittest.main()


if __name__ == "__main__":
    main()
