"""A simulated audience with a covariate, whose members bring others, as files to import; the same on every call."""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 7
HOSTS, GUEST_SHARE = 2_400, 0.22


def write_audience(members: Path, events: Path) -> None:
    """Write a simulated audience of two variants; the same on every machine."""
    rng = random.Random(SEED)
    began = datetime(2024, 5, 6, tzinfo=UTC)
    people: list[tuple[str, str, datetime, str, int, str]] = []
    for number in range(HOSTS):
        variant, exposed = rng.choice(("plain", "bold")), began + timedelta(days=rng.uniform(0, 12))
        history = round(rng.expovariate(1 / 40))
        people.append((f"m{number:05d}", variant, exposed, "", history, rng.choice(("DE", "AT", "CH"))))
    for host in people:  # grows while it is read: guests bring guests
        while rng.random() < GUEST_SHARE * (1.3 if host[1] == "bold" else 1.0):
            exposed = host[2] + timedelta(days=rng.uniform(0.01, 6))
            history = round(rng.expovariate(1 / 40))
            people.append((f"m{len(people):05d}", host[1], exposed, host[0], history, host[5]))
    with members.open("w", newline="") as of_members, events.open("w", newline="") as of_events:
        member_rows, event_rows = csv.writer(of_members), csv.writer(of_events)
        member_rows.writerow(("unit", "variant", "exposed_at", "brought_by", "history", "country"))
        event_rows.writerow(("unit", "type", "at", "value"))
        for unit, variant, exposed, host_unit, history, country in people:
            # New members have no history.
            member_rows.writerow((unit, variant, _iso(exposed), host_unit, history or "", country))
            lift = 1.25 if variant == "bold" else 1.0
            if rng.random() < lift * (0.08 + min(history, 120) / 900):
                event_rows.writerow((unit, "click", _iso(exposed + timedelta(minutes=3)), ""))
            for day in range(1, 7):
                if rng.random() < lift * 0.12 * 0.75**day:
                    event_rows.writerow((unit, "view", _iso(exposed + timedelta(days=day, hours=1)), ""))
            while rng.random() < 0.05 * lift:
                at = exposed + timedelta(hours=rng.uniform(1, 100))
                event_rows.writerow((unit, "purchase", _iso(at), f"{rng.lognormvariate(3.4, 0.6):.2f}"))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
