#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is packaged for Prometheus, Grafana and Kubernetes names only what there is.

usage: test_packaged_files.py METRICS_SAMPLE DAMON_SCHEMES
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import yaml
except ImportError:
    yaml = None

TREE = Path(__file__).resolve().parents[2]
PACKAGING = TREE / "packaging"
METRIC = re.compile(r"\bdamon_schemes_[a-z0-9_]+")


def expressions(value):
    """Every text below the keys 'expr' and 'query' of parsed JSON or YAML."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("expr", "query") and isinstance(below, str):
                yield below
            else:
                yield from expressions(below)
    elif isinstance(value, list):
        for below in value:
            yield from expressions(below)


def documents(path):
    """The parsed documents of a YAML file."""
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def options_of(command):
    """The options that a command of ours has, by its --help."""
    said = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", said))


class Names(unittest.TestCase):
    sample, command = None, None

    @classmethod
    def setUpClass(cls):
        said = subprocess.run([cls.sample, "names"], capture_output=True, text=True, check=True)
        cls.names = set(said.stdout.split())

    def check_names(self, texts, at_least):
        used = {name for text in texts for name in METRIC.findall(text)}
        self.assertGreaterEqual(len(used), at_least)
        self.assertEqual(sorted(used - self.names), [], "there are no such metrics")

    def test_alerts_go_by_metrics_that_there_are(self):
        [rules] = documents(PACKAGING / "prometheus/damon-schemes.rules.yml")
        self.check_names(expressions(rules), 12)
        for group in rules["groups"]:
            for rule in group["rules"]:
                with self.subTest(rule["alert"]):
                    self.assertLessEqual({"summary", "description"}, set(rule["annotations"]))
                    self.assertIn(rule["labels"]["severity"], ("info", "warning", "critical"))

    def test_the_dashboard_shows_metrics_that_there_are(self):
        path = PACKAGING / "grafana/damon-schemes.json"
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        self.check_names(expressions(dashboard), 30)
        panels = dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(taken & cells, f"{panel['title']} lies on another panel")
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            taken |= cells
        known = {variable["name"] for variable in dashboard["templating"]["list"]}
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__rate_interval"}
        self.assertLessEqual(used, known)

    def test_documents_speak_of_metrics_that_there_are(self):
        texts = [(TREE / "docs" / name).read_text(encoding="utf-8")
                 for name in ("operate.md", "fleet.md")]
        self.check_names(texts, 50)

    def test_each_alert_is_documented(self):
        [rules] = documents(PACKAGING / "prometheus/damon-schemes.rules.yml")
        text = (TREE / "docs/operate.md").read_text(encoding="utf-8")
        alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
        self.assertEqual(set(re.findall(r"^\| `(DamonSchemes\w+)`", text, re.M)), alerts)


class Kubernetes(unittest.TestCase):
    folder = PACKAGING / "kubernetes"

    def daemon(self):
        [made] = documents(self.folder / "daemonset.yaml")
        return made, made["spec"]["template"]["spec"]

    def test_every_file_is_one_that_kubernetes_would_read(self):
        for path in sorted(self.folder.glob("*.yaml")):
            for each in documents(path):
                with self.subTest(path.name):
                    self.assertLessEqual({"apiVersion", "kind"}, set(each))
                    if each["kind"] not in ("Kustomization", "Namespace"):
                        self.assertEqual(each["metadata"]["namespace"], "damon-schemes")
        [kustomization] = documents(self.folder / "kustomization.yaml")
        for name in kustomization["resources"]:
            self.assertTrue((self.folder / name).is_file(), name)

    def test_the_command_line_is_one_that_the_daemon_takes(self):
        _, pod = self.daemon()
        [container] = pod["containers"]
        command = container["command"]
        start = command.index("damon-schemes")
        self.assertEqual(command[start + 1:], ["daemon"])
        known = options_of([Names.command, "daemon"])
        used = {word.split("=")[0] for word in container["args"]}
        self.assertIn("--metrics", used)
        self.assertLessEqual(used, known, used - known)
        for probe in ("startupProbe", "livenessProbe"):
            words = container[probe]["exec"]["command"]
            self.assertEqual(words[0], "damon-schemes")
            options_of([Names.command, *words[1:]])

    def test_metrics_are_scraped_where_they_are_served(self):
        made, pod = self.daemon()
        [container] = pod["containers"]
        [address] = [word.split("=", 1)[1] for word in container["args"]
                     if word.startswith("--metrics=")]
        [port] = container["ports"]
        self.assertEqual(address.rsplit(":", 1)[1], str(port["containerPort"]))
        template = made["spec"]["template"]["metadata"]
        self.assertEqual(template["annotations"]["prometheus.io/port"], str(port["containerPort"]))
        [monitor] = documents(self.folder / "podmonitor.yaml")
        self.assertEqual(monitor["spec"]["podMetricsEndpoints"][0]["port"], port["name"])
        for labels in (made["spec"]["selector"]["matchLabels"],
                       monitor["spec"]["selector"]["matchLabels"]):
            self.assertLessEqual(labels.items(), template["labels"].items())

    def test_what_is_mounted_is_there(self):
        _, pod = self.daemon()
        [container] = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        self.assertEqual({mount["name"] for mount in container["volumeMounts"]}, set(volumes))
        [policies] = documents(self.folder / "policies.yaml")
        self.assertEqual(volumes["policies"]["configMap"]["name"], policies["metadata"]["name"])

    def test_its_policies_are_sound_and_warned_of_nothing(self):
        [policies] = documents(self.folder / "policies.yaml")
        with tempfile.TemporaryDirectory(prefix="damon-schemes-") as folder:
            parts = Path(folder, "policy.d")
            parts.mkdir()
            for name, text in policies["data"].items():
                self.assertTrue(name.endswith(".toml"), name)
                (parts / name).write_text(text, encoding="utf-8")
            done = subprocess.run([Names.command, "check", folder], capture_output=True, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_it_runs_with_two_capabilities(self):
        _, pod = self.daemon()
        command = pod["containers"][0]["command"]
        start = command.index("setpriv")
        words = command[start:command.index("damon-schemes")]
        self.assertEqual(command[:start], ["nsenter", "--target=1", "--cgroup", "--"])
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("root and setpriv are needed")
        done = subprocess.run([*words, "cat", "/proc/self/status"], capture_output=True, text=True,
                              check=False)
        held = re.findall(r"^(CapEff|CapBnd|NoNewPrivs):\t(\w+)$", done.stdout, re.M)
        # CAP_SYS_PTRACE is 19, CAP_SYS_NICE 23.
        both = f"{1 << 19 | 1 << 23:016x}"
        self.assertEqual(dict(held), {"CapEff": both, "CapBnd": both, "NoNewPrivs": "1"})

    def test_the_image_has_the_libraries_that_the_command_is_linked_to(self):
        if not shutil.which("dpkg-query"):
            self.skipTest("this is no Debian")
        recipe = (self.folder / "Containerfile").read_text(encoding="utf-8")
        image = recipe[recipe.rindex("FROM "):]
        linked = subprocess.run(["readelf", "--dynamic", Names.command], capture_output=True,
                                text=True, check=True)
        names = re.findall(r"\(NEEDED\).*\[(.*)\]", linked.stdout)
        self.assertIn("libmicrohttpd.so.12", names)
        installed = set(re.findall(r"[a-z0-9][a-z0-9.+-]+", image))
        for name in names:
            owner = subprocess.run(["dpkg-query", "-S", f"*/x86_64-linux-gnu/{name}"],
                                   capture_output=True, text=True, check=False).stdout.split(":")[0]
            # A sanitizer is the tests' own; some come with every Debian.
            if (not name.startswith(("libasan", "libubsan", "libtsan"))
                    and owner not in ("", "libc6", "libgcc-s1", "libtinfo6")):
                self.assertIn(owner, installed, f"the image has no {owner}, which has {name}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Names.command = sys.argv.pop()
    Names.sample = sys.argv.pop()
    if yaml is None:
        print("python3-yaml is not installed")
        sys.exit(77)
    unittest.main()


if __name__ == "__main__":
    main()
