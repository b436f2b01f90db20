# SPDX-License-Identifier: MIT
"""Under which circumstances a workload is run, by the names that the published evaluation gave them."""

from dataclasses import dataclass

DEFAULT = ("orig", "rec", "prec", "thp", "ethp", "prcl")
QUICK = ("orig", "thp", "prcl")


class ConfigurationError(Exception):
    """What was asked for cannot be; the text says what to do."""


@dataclass(frozen=True)
class Configuration:
    """One of them: a setting of transparent huge pages, and what damon-schemes does meanwhile."""

    name: str
    says: str
    thp: str = "madvise"
    engine: str | None = None  # None, record, or apply
    policy: str | None = None
    physical: bool = False  # all memory, by the kernel's own DAMON, and no process

    def settings(self, emulated):
        """The KEY=VALUE over its policy that it runs with unless others are asked for."""
        always = ("monitor.memory=physical", "limits.brake=off", "limits.guard=off") if self.physical else ()
        return (*always, *(EMULATED.get(self.name, ()) if emulated else ()))


# Emulation copies 2 MiB, and stops a thread, more than twenty times slower than a machine.
EMULATED = {
    "efficient-thp": ("scheme.promote.quota.time=100ms",),
    "ethp": ("remote.longest_stop=40ms", "remote.between_stops=40ms"),
    "ethp-v24": ("remote.longest_stop=40ms", "remote.between_stops=40ms"),
}

CONFIGURATIONS = {each.name: each for each in (
    Configuration("orig", "huge pages where madvise asks for them, nothing else"),
    Configuration("rec", "orig, and the program's memory recorded", engine="record"),
    Configuration("prec", "orig, and all physical memory monitored by the kernel",
                  engine="apply", policy="policies/observe.toml", physical=True),
    Configuration("thp", "huge pages always", thp="always"),
    Configuration("ethp", "efficient huge pages, as published in 2020 (v12)",
                  engine="apply", policy="policies/ethp-v12.toml"),
    Configuration("prcl", "proactive reclamation, as published in 2020 (v12)",
                  engine="apply", policy="policies/prcl-v12.toml"),
    Configuration("ethp-v24", "efficient huge pages, as published later (v24)",
                  engine="apply", policy="policies/ethp-v24.toml"),
    Configuration("prcl-v24", "proactive reclamation, as published later (v24)",
                  engine="apply", policy="policies/prcl-v24.toml"),
    Configuration("reclaim", "ours: verified, and with an age that tunes itself",
                  engine="apply", policy="policies/tuned-reclaim.toml"),
    Configuration("efficient-thp", "ours: huge pages for what is hot, and taken back",
                  engine="apply", policy="policies/efficient-thp.toml"),
)}


def chosen(names, tree, monitor="module", kernel_has_damon=False):
    """The configurations of those NAMES, in their order; all that they need is in TREE."""
    found = []
    for name in dict.fromkeys(names):
        if name not in CONFIGURATIONS:
            raise ConfigurationError(f"there is no configuration '{name}'; choose of: {', '.join(CONFIGURATIONS)}")
        each = CONFIGURATIONS[name]
        if each.physical and not kernel_has_damon:
            raise ConfigurationError(
                f"'{name}' needs a kernel with DAMON of its own: add --kernel 6.12, or leave '{name}' out of --configs")
        if each.policy and not (tree / each.policy).is_file():
            raise ConfigurationError(f"'{name}' needs {each.policy}, which is not there")
        found.append(each)
    if not found:
        raise ConfigurationError(f"no configuration; choose of: {', '.join(CONFIGURATIONS)}")
    if monitor == "mainline" and not kernel_has_damon:
        raise ConfigurationError("--monitor mainline needs a kernel with DAMON: add --kernel 6.12")
    return found
