"""Word of mouth: whom exposed members brought, after how long, and how large and deep the cascades are.

Everybody who met a variant counts, randomised or brought, but for bots and those met in a second variant.
"""

from collections import Counter, defaultdict
from typing import Any

import ibis
from ibis.backends.sql import SQLBackend

from analysis.statistics import CascadeStatistics
from experiments.catalogue.metrics import DAY_US
from experiments.collect.active import fetched
from experiments.collect.attribution import Scope, counted, exposures_of
from experiments.collect.engine.source import whole_days

Counts = dict[str, Counter[tuple[int, ...]]]


def cascades_of(backend: SQLBackend, scope: Scope) -> dict[str, CascadeStatistics]:
    """The cascades of every variant, over as many days as the window has."""
    people = _people(backend, scope)
    ages = _counted(backend, people, ("age",))
    offspring, delays = _brought(backend, scope, people)
    sizes, depths = _followed(backend, people)
    horizon = scope.window_us // DAY_US
    return {
        variant: CascadeStatistics(
            horizon,
            _with_nobody(_in_days(ages[variant], 1), _in_days(offspring[variant], 1)),
            tuple((age, delay, n) for (age, delay), n in _in_days(delays[variant], 2).items()),
            tuple((size, n) for (size,), n in sizes[variant].items()),
            tuple((depth, n) for (depth,), n in depths[variant].items()),
        )
        for variant in scope.variants
    }


def _people(backend: SQLBackend, scope: Scope) -> Any:
    """All who count, with the age in whole days, in microseconds and at most the window."""
    exposures = counted(scope, exposures_of(backend, scope))
    whole = whole_days(backend, scope.cut_off_us - exposures.at_us)
    age = ibis.ifelse(whole > scope.window_us, ibis.literal(scope.window_us, "int64"), whole)
    return exposures.select("unit", "variant", "origin", "brought_by", "root", "depth", "at_us", age=age)


def _brought(backend: SQLBackend, scope: Scope, people: Any) -> tuple[Counts, Counts]:
    """Members by age and how many they brought (those who brought any), and the brought by their delay."""
    guests = people.filter(people.origin == "shared", people.brought_by.notnull())
    guests = guests.select("brought_by", came_us=guests.at_us)
    pairs = people.select("unit", "variant", "age", "at_us").inner_join(guests, people.unit == guests.brought_by)
    since = pairs.came_us - pairs.at_us
    # A clock that is behind may say that the guest came before the host.
    pairs = pairs.mutate(delay=ibis.ifelse(since < 0, 0, whole_days(backend, since)))
    pairs = pairs.filter(pairs.delay < scope.window_us)
    hosts = pairs.group_by(["unit", "variant", "age"]).aggregate(brought=pairs.count())
    return _counted(backend, hosts, ("age", "brought")), _counted(backend, pairs, ("age", "delay"))


def _followed(backend: SQLBackend, people: Any) -> tuple[Counts, Counts]:
    """Randomised members by the size of their cascade, themselves included, and by its depth."""
    guests = people.filter(people.origin == "shared", people.root.notnull())
    trees = guests.group_by(root=guests.root).aggregate(size=guests.count(), deepest=guests.depth.max())
    roots = people.filter(people.origin == "randomised").select("unit", "variant")
    alone = _counted(backend, roots, ())
    sizes: Counts = defaultdict(Counter)
    depths: Counts = defaultdict(Counter)
    joined = roots.inner_join(trees, roots.unit == trees.root)
    for variant, found in _counted(backend, joined, ("size", "deepest")).items():
        for (size, depth), n in found.items():
            sizes[variant][(size + 1,)] += n
            depths[variant][(depth,)] += n
    for variant, found in alone.items():
        lonely = found[()] - sum(sizes[variant].values())
        sizes[variant][(1,)] += lonely
        depths[variant][(0,)] += lonely
    return sizes, depths


def _counted(backend: SQLBackend, rows: Any, key: tuple[str, ...]) -> Counts:
    """How many rows there are of each variant and key."""
    found: Counts = defaultdict(Counter)
    for row in fetched(backend, rows.group_by(["variant", *key]).aggregate(n=rows.count())):
        found[row["variant"]][tuple(int(row[name]) for name in key)] += int(row["n"])
    return found


def _in_days(found: Counter[tuple[int, ...]], times: int) -> Counter[tuple[int, ...]]:
    """The counts with the first so many numbers of each key in days."""
    return Counter({(*(us // DAY_US for us in key[:times]), *key[times:]): n for key, n in found.items()})


def _with_nobody(
    ages: Counter[tuple[int, ...]], offspring: Counter[tuple[int, ...]]
) -> tuple[tuple[int, int, int], ...]:
    """The rows of offspring with those who brought nobody, which are the rest of their age."""
    hosts: Counter[int] = Counter()
    for (age, _), n in offspring.items():
        hosts[age] += n
    nobody = [(age, 0, n - hosts[age]) for (age,), n in ages.items()]
    return (*nobody, *((age, brought, n) for (age, brought), n in offspring.items()))
