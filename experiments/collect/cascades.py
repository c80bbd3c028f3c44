"""Word of mouth: the members whom others brought, the delays, and the sizes and depths of the cascades.

All exposed members count, randomised or brought, except bots and members exposed to a second variant.
"""

from collections import Counter, defaultdict
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from analysis.statistics import CascadeStatistics
from experiments.catalogue.metrics import DAY_US
from experiments.collect.active import fetched
from experiments.collect.attribution import Scope, exposures_of, without_excluded
from experiments.collect.engine.source import whole_days

Counts = dict[str, Counter[tuple[int, ...]]]


def cascades_of(backend: SQLBackend, scope: Scope) -> dict[str, CascadeStatistics]:
    """Return the cascades of every variant, over the days of the window."""
    people = _people(backend, scope)
    ages = _count(backend, people, ("age",))
    offspring, delays = _offspring(backend, scope, people)
    sizes, depths = _sizes_and_depths(backend, people)
    horizon = scope.window_us // DAY_US
    return {
        variant: CascadeStatistics(
            horizon,
            _with_zeros(_in_days(ages[variant], 1), _in_days(offspring[variant], 1)),
            tuple((age, delay, n) for (age, delay), n in _in_days(delays[variant], 2).items()),
            tuple((size, n) for (size,), n in sizes[variant].items()),
            tuple((depth, n) for (depth,), n in depths[variant].items()),
        )
        for variant in scope.variants
    }


def _people(backend: SQLBackend, scope: Scope) -> Any:
    """Return all members who count, with the whole days since their exposure, at most the window, in microseconds."""
    exposures = without_excluded(scope, exposures_of(backend, scope))
    whole = whole_days(backend, scope.cut_off_us - exposures.at_us)
    age = ibis.ifelse(whole > scope.window_us, ibis.literal(scope.window_us, "int64"), whole)
    return exposures.select("unit", "variant", "origin", "brought_by", "root", "depth", "at_us", age=age)


def _offspring(backend: SQLBackend, scope: Scope, people: Any) -> tuple[Counts, Counts]:
    """Return members with guests by age and number of guests, and guests by their delay."""
    guests = people.filter(people.origin == "shared", people.brought_by.notnull())
    guests = guests.select("brought_by", came_us=guests.at_us)
    pairs = people.select("unit", "variant", "age", "at_us").inner_join(guests, people.unit == guests.brought_by)
    since = pairs.came_us - pairs.at_us
    # With a slow clock a guest may appear to arrive before the host.
    pairs = pairs.mutate(delay=ibis.ifelse(since < 0, 0, whole_days(backend, since)))
    pairs = pairs.filter(pairs.delay < scope.window_us)
    hosts = pairs.group_by(["unit", "variant", "age"]).aggregate(brought=pairs.count())
    return _count(backend, hosts, ("age", "brought")), _count(backend, pairs, ("age", "delay"))


def _sizes_and_depths(backend: SQLBackend, people: Any) -> tuple[Counts, Counts]:
    """Return randomised members by the size of their cascade, including themselves, and by its depth."""
    guests = people.filter(people.origin == "shared", people.root.notnull())
    trees = guests.group_by(root=guests.root).aggregate(size=guests.count(), deepest=guests.depth.max())
    roots = people.filter(people.origin == "randomised").select("unit", "variant")
    totals = _count(backend, roots, ())
    sizes: Counts = defaultdict(Counter)
    depths: Counts = defaultdict(Counter)
    joined = roots.inner_join(trees, roots.unit == trees.root)
    for variant, trees_of in _count(backend, joined, ("size", "deepest")).items():
        for (size, depth), n in trees_of.items():
            sizes[variant][(size + 1,)] += n
            depths[variant][(depth,)] += n
    for variant, counts in totals.items():
        without_guests = counts[()] - sum(sizes[variant].values())
        sizes[variant][(1,)] += without_guests
        depths[variant][(0,)] += without_guests
    return sizes, depths


def _count(backend: SQLBackend, rows: Any, key: tuple[str, ...]) -> Counts:
    """Return the number of rows by variant and key."""
    counts: Counts = defaultdict(Counter)
    for row in fetched(backend, rows.group_by(["variant", *key]).aggregate(n=rows.count())):
        counts[row["variant"]][tuple(int(row[name]) for name in key)] += int(row["n"])
    return counts


def _in_days(counts: Counter[tuple[int, ...]], times: int) -> Counter[tuple[int, ...]]:
    """Return the counts with the first `times` numbers of each key in days."""
    return Counter({(*(us // DAY_US for us in key[:times]), *key[times:]): n for key, n in counts.items()})


def _with_zeros(
    ages: Counter[tuple[int, ...]], offspring: Counter[tuple[int, ...]]
) -> tuple[tuple[int, int, int], ...]:
    """Return the rows of offspring including members without guests, who are the rest of their age."""
    hosts: Counter[int] = Counter()
    for (age, _), n in offspring.items():
        hosts[age] += n
    none = [(age, 0, n - hosts[age]) for (age,), n in ages.items()]
    return (*none, *((age, brought, n) for (age, brought), n in offspring.items()))
