# SPDX-License-Identifier: MIT
"""Medians, the intervals they lie in, and the figures that the published evaluation defines.

Intervals are percentile bootstrap intervals of 95 %: the repetitions are drawn anew with replacement, and the figure
is taken again.  Where there are few ways to draw, all are taken; else RESAMPLES by a seeded generator, so the same runs
always give the same interval.  Configurations that have the same repetitions are drawn together, because runs of one
repetition stand close together in time and share what the machine did to them.

Few repetitions bound little: of 3 the interval is from the least to the greatest, which holds the true median with a
probability of 75 % and not 95 %; of 5 it is 94 % at the best.  One repetition has no interval.
"""

import itertools
import random
from dataclasses import dataclass

RESAMPLES = 1000
SEED = 12
CONFIDENCE = 0.95


def median(values):
    """The middle one; the mean of the two in the middle where there is none."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if not ordered:
        return None
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def mean(values):
    """The arithmetic mean, or None of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else None


def percentile(values, share):
    """The least value that SHARE of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))] if ordered else None


@dataclass(frozen=True)
class Estimate:
    """A figure, and where it would lie by other repetitions; no interval if COUNT, the repetitions, is below 2."""

    value: float
    low: float | None
    high: float | None
    count: int

    @property
    def has_interval(self):
        return self.low is not None

    def reaches(self, bound):
        """Whether BOUND lies within the interval; without one nothing can be told apart."""
        return not self.has_interval or self.low <= bound <= self.high


class Repetitions:
    """What one workload gave: {configuration: {repetition: value}}, from which medians are drawn."""

    def __init__(self, values):
        self.values = {name: dict(each) for name, each in values.items()}
        keys = [frozenset(each) for each in self.values.values()]
        self.paired = len(set(keys)) <= 1
        self.order = sorted(keys[0]) if self.paired and keys else []

    @property
    def count(self):
        """The repetitions of the configuration that has the fewest."""
        return min((len(each) for each in self.values.values()), default=0)

    def medians(self):
        """The median of each configuration."""
        return {name: median(each.values()) for name, each in self.values.items()}

    def ways(self):
        """In how many ways repetitions can be drawn."""
        if self.paired:
            return len(self.order) ** len(self.order)
        product = 1
        for each in self.values.values():
            product *= len(each) ** len(each)
        return product

    def every_draw(self):
        """The medians of every way to draw."""
        if self.paired:
            for chosen in itertools.product(self.order, repeat=len(self.order)):
                yield {name: median(each[key] for key in chosen) for name, each in self.values.items()}
            return
        lists = [list(each.values()) for each in self.values.values()]
        for drawn in itertools.product(*(itertools.product(each, repeat=len(each)) for each in lists)):
            yield dict(zip(self.values, map(median, drawn)))

    def draw(self, generator):
        """The medians of one way to draw."""
        if self.paired:
            chosen = generator.choices(self.order, k=len(self.order))
            return {name: median(each[key] for key in chosen) for name, each in self.values.items()}
        return {name: median(generator.choices(list(each.values()), k=len(each)))
                for name, each in self.values.items()}


def estimate(groups, figure):
    """FIGURE of the list of medians of GROUPS (Repetitions, a workload each), with its interval; None if it has none.

    FIGURE may return None where it is not defined, as where it would divide by zero.
    """
    groups = list(groups)
    count = min((group.count for group in groups), default=0)
    if count == 0 or (value := figure([group.medians() for group in groups])) is None:
        return None
    if count < 2:
        return Estimate(value, None, None, count)
    if len(groups) == 1 and groups[0].ways() <= RESAMPLES:
        draws = ([each] for each in groups[0].every_draw())
    else:
        generator = random.Random(SEED)
        draws = ([group.draw(generator) for group in groups] for _ in range(RESAMPLES))
    drawn = sorted(each for each in map(figure, draws) if each is not None)
    if not drawn:
        return Estimate(value, None, None, count)
    tail = int(len(drawn) * (1 - CONFIDENCE) / 2)
    return Estimate(value, drawn[tail], drawn[-1 - tail], count)


def estimate_of(values):
    """The median of {repetition: value}, with its interval."""
    return estimate([Repetitions({"": values})], lambda medians: medians[0][""])


def overhead(value, base):
    """(value/base - 1) × 100; None where there is nothing to compare with."""
    return None if value is None or not base else (value / base - 1) * 100


def share_of_difference(far, near, base):
    """(far - near)/(far - base) × 100: how much of the way from FAR to BASE is gone at NEAR; None without a way."""
    return None if None in (far, near, base) or far == base else (far - near) / (far - base) * 100


def thp_overhead_removed(orig, thp, ethp):
    """Of the memory that THP costs, the share that ETHP does not, in percent."""
    return share_of_difference(thp, ethp, orig)


def thp_speed_up_kept(orig, thp, ethp):
    """Of the time that THP saves, the share that ETHP saves too, in percent.

    As (orig - ethp)/(orig - thp), of total runtimes.
    """
    return share_of_difference(orig, ethp, thp)
