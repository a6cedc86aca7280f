# SPDX-License-Identifier: GPL-2.0-or-later
"""rounds.py - measurements that are compared with each other are made side by side: in each round every variant once,
in random order; ratios are taken within a round, and told as the median with the quartiles of all rounds."""
import random
import statistics


class Spread:
    """Median and quartiles of some values."""

    def __init__(self, values):
        self.n = len(values)
        self.median = statistics.median(values)
        self.low, _, self.high = (statistics.quantiles(values, method="inclusive") if self.n > 1
                                  else (self.median,) * 3)

    def text(self, digits=2):
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


class Rounds:
    """What each variant's rounds gave; a variant may have taken part in the first rounds alone."""

    def __init__(self):
        self.values = {}

    def run(self, variants, measure, n):
        """measure(variant) n times for each; variant.rounds, if it has one, is its own n."""
        for i in range(n):
            taking_part = [v for v in variants if i < (v.rounds or n)]
            for variant in random.sample(taking_part, len(taking_part)):
                self.values.setdefault(variant.name, []).append(measure(variant))
        return self

    def of(self, name, part=None):
        return [v if part is None else v[part] for v in self.values[name]]

    def spread(self, name, part=None):
        return Spread(self.of(name, part))

    def ratio(self, name, base, part=None, base_part=None):
        below = self.of(base, part if base_part is None else base_part)
        return Spread([a / b for a, b in zip(self.of(name, part), below)])
