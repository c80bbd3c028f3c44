"""The record of who did what, in words that people use."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.definition.variant_names import lettered, listed
from experiments.reporting.numbers import plain_percent, plural
from experiments.storage.tables import AuditEntry, Variant
from web.pages.common.labels import LABELS

_DONE = {
    "experiment:create": "created",
    "experiment:edit": "edited",
    "experiment:launch": "launched",
    "experiment:pause": "paused",
    "experiment:resume": "resumed",
    "experiment:stop": "stopped",
    "experiment:ship": "shipped",
    "experiment:archive": "archived",
    "experiment:new_run": "began a new run",
    "experiment:reallocate": "shared new members out anew",
    "experiment:import": "imported",
    "experiment:fill": "filled with example data",
    "key:create": "made a key",
    "key:revoke": "revoked a key",
    "account:create": "added an account",
    "account:disable": "disabled an account",
    "account:enable": "enabled an account",
    "account:role": "changed a role",
    "account:new_password": "gave a new password",
    "account:password": "changed a password",
    "namespace:holdout": "changed a holdout",
}
_WHO = {
    "cli": "The command line",
    "worker": "Klette, by its schedule",
    "demo": "The example",
    "setup": "The set-up link",
    "system": "Klette",
}


def told(
    entry: AuditEntry, keys: dict[int, str], variants: Sequence[Variant], people: Mapping[int, str]
) -> dict[str, Any]:
    """What the template prints of one entry.

    Parameters
    ----------
    keys
        Keys of the experiments that entries name, by id.
    variants
        The variants of those experiments.
    people
        Addresses of the accounts by id, for entries that name an account by that alone.
    """
    action = entry.action.partition(":")[2]
    source, _, name = entry.actor.partition(":")
    who = name or _WHO.get(source, source)
    return {
        "at": entry.at,
        "who": f"{who} (API key)" if source == "api" else who,
        "what": _DONE.get(action, action.replace(":", " ").replace("_", " ")),
        "experiment": keys.get(entry.experiment_id or 0),
        "detail": "; ".join(filter(None, [_whose(entry, people), *_details(entry, action, variants)])),
    }


def _whose(entry: AuditEntry, people: Mapping[int, str]) -> str:
    return "" if entry.detail.get("email") else people.get(entry.detail.get("account") or 0, "")


def _details(entry: AuditEntry, action: str, variants: Sequence[Variant]) -> list[str]:
    detail = entry.detail
    said = []
    if action == "experiment:ship":
        chosen = [row for row in variants if row.experiment_id == entry.experiment_id and row.key == detail["variant"]]
        said += [lettered(row.position, row.name, row.content) for row in chosen] + [detail.get("note", "")]
    if action == "experiment:edit":
        said.append(", ".join(LABELS.get(field, field).lower() for field in detail.get("fields", ())))
    if action == "experiment:launch" and detail.get("to") == "scheduled":
        said.append("to start later")
    if action == "experiment:new_run":
        said.append(f"run {detail.get('run')}, weights {_weights(detail.get('weights', {}))}")
    if action == "experiment:reallocate":
        said.append(
            _shares(detail.get("weights", {}), [row for row in variants if row.experiment_id == entry.experiment_id])
        )
    if action == "experiment:import":
        said += [plural(detail[name], name[:-1]) for name in ("members", "events") if isinstance(detail.get(name), int)]
    if action == "namespace:holdout":
        said.append(f"{plain_percent(detail.get('share'))} of the members of {detail.get('namespace')}")
    return [*said, *(str(detail[name]) for name in ("name", "email", "kind", "role") if detail.get(name))]


def _shares(weights: dict[str, float], variants: Sequence[Variant]) -> str:
    known = {row.key: lettered(row.position, row.name, row.content) for row in variants}
    return listed([f"{plain_percent(share)} {known[key]}" for key, share in weights.items() if key in known])


def _weights(weights: dict[str, float]) -> str:
    return listed([plain_percent(weight) for weight in weights.values()]) if weights else "changed"
