"""The audit log in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments.definition.variant_names import lettered
from experiments.reporting.numbers import count, listed, plain_percent
from experiments.reporting.phrases import members
from experiments.storage.tables import AuditEntry, Variant
from experiments.translation import N_, gettext, ngettext
from web.pages.common.labels import LABELS, key_type, role_name

ACTIONS = {
    "experiment:create": N_("created"),
    "experiment:edit": N_("edited"),
    "experiment:launch": N_("launched"),
    "experiment:pause": N_("paused"),
    "experiment:resume": N_("resumed"),
    "experiment:stop": N_("stopped"),
    "experiment:ship": N_("shipped"),
    "experiment:archive": N_("archived"),
    "experiment:new_run": N_("began a new run"),
    "experiment:reallocate": N_("changed the traffic split"),
    "experiment:import": N_("imported"),
    "experiment:fill": N_("filled with example data"),
    "key:create": N_("created an API key"),
    "key:revoke": N_("revoked an API key"),
    "account:create": N_("created an account"),
    "account:disable": N_("disabled an account"),
    "account:enable": N_("enabled an account"),
    "account:role": N_("changed a role"),
    "account:new_password": N_("reset a password"),
    "account:password": N_("changed a password"),
    "namespace:holdout": N_("changed a holdout"),
    "prior:learn": N_("learned a prior"),
}
_ACTORS = {
    "cli": N_("Command line"),
    "worker": N_("Scheduler"),
    "demo": N_("Example"),
    "setup": N_("Set-up link"),
    "system": "Klette",
}


@dataclass(frozen=True)
class Row:
    """An entry as the page prints it; `experiment` is a key, or None where it is about none."""

    at: datetime
    actor: str
    action: str
    experiment: str | None
    detail: str


def row_of(entry: AuditEntry, keys: dict[int, str], variants: Sequence[Variant], people: Mapping[int, str]) -> Row:
    """Return what the page prints of an entry.

    Parameters
    ----------
    keys
        Keys of the experiments that entries name, by id.
    variants
        The variants of those experiments.
    people
        Email addresses by account id, for entries that name an account by its id only.
    """
    action = entry.action.partition(":")[2]
    source, _, name = entry.actor.partition(":")
    actor = name or gettext(_ACTORS.get(source, source))
    address = "" if entry.detail.get("email") else people.get(entry.detail.get("account") or 0, "")
    own = [variant for variant in variants if variant.experiment_id == entry.experiment_id]
    return Row(
        entry.at,
        gettext("{name} (API key)").format(name=actor) if source == "api" else actor,
        gettext(ACTIONS.get(action, action.replace(":", " ").replace("_", " "))),
        keys.get(entry.experiment_id or 0),
        "; ".join(filter(None, [address, *_details(action, entry.detail, own)])),
    )


def _details(action: str, detail: dict[str, Any], variants: Sequence[Variant]) -> list[str]:
    special = _SPECIAL[action](detail, variants) if action in _SPECIAL else []
    common = [str(detail[name]) for name in ("name", "email") if detail.get(name)]
    kinds = [key_type(detail["kind"])] if detail.get("kind") else []
    roles = [role_name(detail["role"])] if detail.get("role") else []
    return [*special, *common, *kinds, *roles]


def _shipped(detail: dict[str, Any], variants: Sequence[Variant]) -> list[str]:
    chosen = [row for row in variants if row.key == detail["variant"]]
    return [lettered(row.position, row.name, row.content) for row in chosen] + [detail.get("note", "")]


def _edited(detail: dict[str, Any], _: Sequence[Variant]) -> list[str]:
    return [", ".join(gettext(LABELS.get(field, field)) for field in detail.get("fields", ()))]


def _launched(detail: dict[str, Any], _: Sequence[Variant]) -> list[str]:
    return [gettext("starts later")] if detail.get("to") == "scheduled" else []


def _new_run(detail: dict[str, Any], _: Sequence[Variant]) -> list[str]:
    weights = detail.get("weights", {})
    if not weights:
        return [gettext("run {number}").format(number=detail.get("run"))]
    shares = listed([plain_percent(weight) for weight in weights.values()])
    return [gettext("run {number}, weights {weights}").format(number=detail.get("run"), weights=shares)]


def _reallocated(detail: dict[str, Any], variants: Sequence[Variant]) -> list[str]:
    known = {row.key: lettered(row.position, row.name, row.content) for row in variants}
    weights = detail.get("weights", {})
    return [listed([f"{plain_percent(share)} {known[key]}" for key, share in weights.items() if key in known])]


def _imported(detail: dict[str, Any], _: Sequence[Variant]) -> list[str]:
    counts = []
    if isinstance(detail.get("members"), int):
        counts.append(members(detail["members"]))
    if isinstance(number := detail.get("events"), int):
        counts.append(ngettext("{number} event", "{number} events", number).format(number=count(number)))
    return counts


def _holdout(detail: dict[str, Any], _: Sequence[Variant]) -> list[str]:
    share, namespace = plain_percent(detail.get("share")), detail.get("namespace")
    return [gettext("{share} of the members of {namespace}").format(share=share, namespace=namespace)]


_SPECIAL: dict[str, Callable[[dict[str, Any], Sequence[Variant]], list[str]]] = {
    "experiment:ship": _shipped,
    "experiment:edit": _edited,
    "experiment:launch": _launched,
    "experiment:new_run": _new_run,
    "experiment:reallocate": _reallocated,
    "experiment:import": _imported,
    "namespace:holdout": _holdout,
}
"""Actions whose detail has words of its own."""
