# SPDX-License-Identifier: MIT
"""Which runs there are, and in which order."""

from dataclasses import dataclass

ATTEMPTS = 2


@dataclass(frozen=True)
class Turn:
    """A workload once under each configuration, after each other on one machine."""

    repetition: int
    workload: str
    configurations: tuple

    def keys(self):
        """(workload, configuration, repetition) of each run."""
        return [(self.workload, name, self.repetition) for name in self.configurations]


def turns(workloads, configurations, repetitions):
    """All turns: workloads take turns, so that what changes over hours hits all alike.

    Each repetition begins with another configuration, so that none always has the freshest machine.
    """
    found = []
    for repetition in range(1, repetitions + 1):
        first = (repetition - 1) % len(configurations)
        order = tuple(configurations[first:]) + tuple(configurations[:first])
        found += [Turn(repetition, name, order) for name in workloads]
    return found


def remaining(planned, done):
    """The turns with what is still to be done of them, DONE being the keys of runs that count."""
    left = []
    for turn in planned:
        missing = tuple(name for name in turn.configurations if (turn.workload, name, turn.repetition) not in done)
        if missing:
            left.append(Turn(turn.repetition, turn.workload, missing))
    return left
