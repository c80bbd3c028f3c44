"""Small files in the shapes of public data sets, generated from a seed."""

import numpy as np


def game(members: int = 20_000, seed: int = 5) -> str:
    """A retention test: unequal halves (p of about 0.009), returns after 1 and 7 days, one absurd player."""
    rng = np.random.default_rng(seed)
    first = round(members / 2 - 2.61 * np.sqrt(members) / 2)
    arms = np.repeat(["gate_30", "gate_40"], [first, members - first])
    rounds = np.floor(rng.lognormal(2.6, 1.5, members)).astype(int)
    rounds[0] = 49_854
    week = rng.random(members) < np.where(arms == "gate_30", 0.21, 0.16)
    day = rng.random(members) < 0.44
    rows = zip(range(members), arms, rounds, day, week, strict=True)
    lines = (f"{116 + unit},{arm},{played},{one},{seven}\n" for unit, arm, played, one, seven in rows)
    return "userid,version,sum_gamerounds,retention_1,retention_7\n" + "".join(lines)


def landing_page(members: int = 6_000, seed: int = 6) -> str:
    """A log of a landing page: 1.3 % of the rows contradict themselves, and some members are logged twice."""
    rng = np.random.default_rng(seed)
    lines = []
    for unit in range(members):
        group = ("control", "treatment")[int(rng.integers(2))]
        page = {"control": "old_page", "treatment": "new_page"}[group]
        if rng.random() < 0.013:
            page = {"old_page": "new_page", "new_page": "old_page"}[page]
        second, did = rng.integers(0, 86_400 * 20), int(rng.random() < 0.12)
        lines.append((unit, int(second), group, page, did))
    lines += [(unit, second + 3_600, group, page, 0) for unit, second, group, page, _ in lines[:40]]
    rows = (
        f"{630_000 + unit},{np.datetime64('2017-01-02T00:00:00') + second},{group},{page},{did}\n"
        for unit, second, group, page, did in lines
    )
    return "user_id,timestamp,group,landing_page,converted\n" + "".join(rows)


def letter(members: int = 9_000, seed: int = 7) -> str:
    """A donation letter, split 1:2: whether someone gave, and how much."""
    rng = np.random.default_rng(seed)
    lines = []
    for unit in range(members):
        arm = "control" if unit % 3 == 0 else "match"
        gave = rng.random() < (0.018 if arm == "control" else 0.032)
        amount = f"{5 * np.ceil(rng.lognormal(1.2, 0.8)):.2f}" if gave else "0"
        lines.append(f"h{unit},{arm},{int(gave)},{amount}\n")
    return "household,treatment,gave,amount\n" + "".join(lines)


def repeated_measures(participants: int = 120, trials: int = 12, seed: int = 8) -> str:
    """An experiment with several trials a participant: correct or not, and points."""
    rng = np.random.default_rng(seed)
    lines = []
    for person in range(participants):
        arm = ("plain", "hints")[person % 2]
        for trial in range(trials):
            points = int(rng.poisson(4 if arm == "plain" else 6))
            lines.append(f"p{person},{arm},{trial},{int(rng.random() < 0.03)},{points}\n")
    return "participant,condition,trial,solved,points\n" + "".join(lines)


def blocked(blocks: int = 60, members: int = 20, seed: int = 9) -> str:
    """A blocked design: villages of very different size of outcome, half of each treated, very skewed counts."""
    rng = np.random.default_rng(seed)
    lines = []
    for block, level in enumerate(rng.lognormal(2, 1.5, blocks)):
        for member in range(members):
            arm = ("control", "treated")[member % 2]
            count = int(rng.poisson(level * (1.3 if arm == "treated" else 1)))
            lines.append(f"h{block}-{member},village {block},{arm},{count}\n")
    return "household,village,arm,visits\n" + "".join(lines)
