"""The editor's form: a definition as text fields, and text fields as a definition.

Field names are the definition's paths (``variants.1.content.headline``), so that each error of the domain is shown
beside its field. Shares are percentages on screen. What was typed is kept as typed until it is saved.
"""

import json
import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from experiments.catalogue.metrics import DEFAULT_GUARDRAILS, DEFAULT_METRICS, DEFAULT_PRIMARY
from experiments.definition.documents import VariantDocument
from experiments.definition.fields import MAX_VARIANTS
from experiments.definition.model import ExperimentDefinition
from experiments.lifecycle.document import ExperimentDocument
from experiments.reporting.numbers import NARROW, decimal, localised, percent
from experiments.translation import gettext
from web.pages.common.typed_numbers import amount_of, amount_text, number_of, percentage_of, whole_of
from web.pages.editor import analysis_form, audience_form, form_checks

VARIANT_FIELDS = (
    "key",
    "name",
    "weight",
    "content.headline",
    "content.body",
    "content.image_url",
    "content.link_url",
    "content.cta",
    "content.custom",
    "cost.fixed",
    "cost.per_thousand",
)
ROUNDED = Decimal("0.001")
"""By how much, in per cent, rounded weights may differ from 100."""
PLAIN_FIELDS = (
    "key",
    "name",
    "hypothesis",
    "primary_metric",
    "traffic",
    "namespace.key",
    "namespace.from",
    "namespace.to",
    "window_days",
    "planned_days",
    "starts_at",
    "ends_at",
    "segments",
    "currency",
    "minimum_members",
    "threshold_of_caring",
    "revision",
)
Values = dict[str, Any]
Errors = dict[str, str]


def blank(currency: str) -> Values:
    """Return the values of a new experiment: two variants, evenly split, seven days."""
    return {
        **dict.fromkeys(PLAIN_FIELDS, ""),
        "primary_metric": DEFAULT_PRIMARY,
        "traffic": "100",
        "namespace.from": "0",
        "namespace.to": "100",
        "window_days": "7",
        "planned_days": "14",
        "currency": currency,
        "minimum_members": "100",
        "threshold_of_caring": "1",
        "metrics": list(DEFAULT_METRICS),
        "guardrails": list(DEFAULT_GUARDRAILS),
        "control": "0",
        "variants": [_blank_variant("a", "50"), _blank_variant("b", "50")],
        **audience_form.values_of(None),
        **analysis_form.blank(),
    }


def values_of(document: ExperimentDocument, zone: str) -> Values:
    """Return the values of a stored experiment."""
    place = document["namespace"] or {"key": "", "from": 0, "to": 1}
    controls = [position for position, variant in enumerate(document["variants"]) if variant["control"]]
    return {
        **{name: _text(document.get(name)) for name in PLAIN_FIELDS if "." not in name},
        "namespace.key": place["key"],
        "namespace.from": _as_percent(place["from"]),
        "namespace.to": _as_percent(place["to"]),
        "traffic": _as_percent(document["traffic"]),
        "threshold_of_caring": _as_percent(document["threshold_of_caring"]),
        "segments": ", ".join(document["segments"]),
        "starts_at": _local(document["starts_at"], zone),
        "ends_at": _local(document["ends_at"], zone),
        "metrics": document["metrics"],
        "guardrails": document["guardrails"],
        "control": str(controls[0]) if controls else "",
        "variants": [_variant_values(variant) for variant in document["variants"]],
        **audience_form.values_of(document["targeting"]),
        **analysis_form.values_of(document),
    }


def typed_values(form: MultiDict[str, str], document: ExperimentDocument | None = None) -> Values:
    """Return what was typed, unchanged; `document` is the stored experiment, for what the form did not show."""
    found = (re.fullmatch(r"variants\.(\d{1,3})\.[a-z_.]+", name) for name in form)
    positions = sorted({int(match[1]) for match in found if match})[: MAX_VARIANTS + 1]
    control = form.get("control", "")
    return {
        **{name: form.get(name, "") for name in PLAIN_FIELDS},
        "metrics": form.getlist("metrics"),
        "guardrails": form.getlist("guardrails"),
        "variants": [{part: form.get(f"variants.{at}.{part}", "") for part in VARIANT_FIELDS} for at in positions],
        # The radio holds the field's number, which is not its place once a variant before it was removed.
        "control": str(positions.index(int(control))) if control.isdigit() and int(control) in positions else "",
        **audience_form.typed_values(form),
        **analysis_form.typed_values(form, analysis_form.values_of(document) if document else analysis_form.blank()),
    }


def apply(values: Values, command: str) -> None:
    """Run the command of a button other than save, such as ``add-variant``, ``remove-variant.2`` or ``split``."""
    name, _, number = command.partition(".")
    at = int(number) if number.isdigit() else -1
    variants = values["variants"]
    if name == "add-variant" and len(variants) < MAX_VARIANTS:
        variants.append(_blank_variant(_free_key(variants), ""))
        _split(variants)
    elif name == "remove-variant" and len(variants) > 2 and 0 <= at < len(variants):
        del variants[at]
        control = int(values["control"] or 0)
        values["control"] = str(0 if control == at else control - (control > at))
        _split(variants)
    elif name == "split":
        _split(variants)
    elif name == "add-rule":
        audience_form.add_row(values)
    elif name == "remove-rule":
        audience_form.remove_row(values, at)
    elif name == "add-worth":
        analysis_form.add_row(values)
    elif name == "remove-worth":
        analysis_form.remove_row(values, at)


def definition_of(values: Values, zone: str) -> tuple[ExperimentDefinition | None, Errors]:
    """Return the definition of the form, or a message for each invalid field, by the field's name."""
    errors: Errors = {}
    raw = _raw(values, zone, errors)
    definition = form_checks.read_whole(raw, errors)
    form_checks.check_order(raw, zone, errors)
    return (None, analysis_form.placed(errors, values)) if errors else (definition, {})


def key_of(values: Values) -> str:
    """Return the key that was typed, else one made from the name."""
    return values["key"].strip() or slug(values["name"].strip()) or "experiment"


def slug(name: str) -> str:
    """Return a key made from a name: ``Spring headline!`` gives ``spring-headline``."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")


# reading


def _raw(values: Values, zone: str, errors: Errors) -> dict[str, Any]:
    rule, faults = audience_form.rule_of(values)
    errors |= faults
    name = values["name"].strip()
    primary = values["primary_metric"]
    return {
        "key": key_of(values),
        "name": name,
        "hypothesis": values["hypothesis"].replace("\r\n", "\n").strip(),
        "variants": _raw_variants(values, errors),
        "primary_metric": primary,
        "metrics": [key for key in values["metrics"] if key != primary],
        "guardrails": values["guardrails"],
        "targeting": rule,
        "traffic": _share(values["traffic"], "traffic", errors, low="0"),
        "namespace": _namespace(values, errors),
        "window_days": _whole(values["window_days"], "window_days", errors, 7),
        "planned_days": _whole(values["planned_days"], "planned_days", errors, None),
        "segments": [part.strip() for part in values["segments"].split(",") if part.strip()],
        "currency": values["currency"].strip().upper() or None,
        "minimum_members": _whole(values["minimum_members"], "minimum_members", errors, 100),
        "threshold_of_caring": _share(values["threshold_of_caring"], "threshold_of_caring", errors, high="50"),
        "starts_at": _moment(values["starts_at"], zone, "starts_at", errors),
        "ends_at": _moment(values["ends_at"], zone, "ends_at", errors),
        **analysis_form.raw(values, errors),
    }


def _raw_variants(values: Values, errors: Errors) -> list[dict[str, Any]]:
    weights = _weights(values["variants"], errors)
    if not values["control"]:
        errors["control"] = gettext("No variant is the control. Choose the one that runs today.")
    control = int(values["control"] or 0)
    return [
        {
            "key": variant["key"].strip(),
            "name": variant["name"].strip(),
            "control": position == control,
            "weight": weight,
            "content": _content(variant, position, errors),
            "cost": _cost(variant, position, errors),
        }
        for position, (variant, weight) in enumerate(zip(values["variants"], weights, strict=True))
    ]


def _weights(variants: list[dict[str, str]], errors: Errors) -> list[float]:
    """Return the shares; an even split if one cannot be read or they do not add up, so that the rest is checked.

    Three times 33.3333 is meant as thirds: so small a difference is distributed in proportion.
    """
    before = len(errors)
    shares = [
        _percentage(variant["weight"], f"variants.{position}.weight", errors, "0.01", "100")
        for position, variant in enumerate(variants)
    ]
    total = sum(shares, Decimal(0))
    if len(errors) == before and abs(total - 100) > ROUNDED:
        addends = " + ".join(localised(f"{share.normalize():f}") for share in shares)
        message = gettext("The weights add up to {sum} ({addends}); they must add up to {whole}.")
        shown = f"{localised(f'{total.normalize():f}')}{NARROW}%"
        errors["variants"] = message.format(sum=shown, addends=addends, whole=percent(1, 0))
    if len(errors) > before:
        return [1 / max(1, len(variants))] * len(variants)
    return [float(share / total) for share in shares]


def weights_moved(values: Values, document: ExperimentDocument) -> bool:
    """Whether a weight was changed by more than the rounding of its field."""
    typed = (number_of(variant["weight"])[0] for variant in values["variants"])
    return any(
        weight is not None and abs(float(weight) / 100 - variant["weight"]) > 1e-6
        for weight, variant in zip(typed, document["variants"], strict=True)
    )


def _content(variant: dict[str, str], position: int, errors: Errors) -> dict[str, Any]:
    content: dict[str, Any] = {
        part: variant[f"content.{part}"].replace("\r\n", "\n").strip()
        for part in ("headline", "body", "image_url", "link_url", "cta")
    }
    custom = variant["content.custom"].strip()
    if custom:
        try:
            content["custom"] = json.loads(custom)
        except (ValueError, RecursionError):
            message = gettext("This is not JSON. Enter an object, such as {example}.")
            errors[f"variants.{position}.content.custom"] = message.format(example='{"colour": "green"}')
    return content


def _cost(variant: dict[str, str], position: int, errors: Errors) -> dict[str, Any] | None:
    typed = {part: variant[f"cost.{part}"].strip() for part in ("fixed", "per_thousand")}
    if not any(typed.values()):
        return None
    return {part: _amount(text or "0", f"variants.{position}.cost.{part}", errors) for part, text in typed.items()}


def _namespace(values: Values, errors: Errors) -> dict[str, Any] | None:
    key = values["namespace.key"].strip()
    if not key:
        return None
    return {
        "key": key,
        "from": _share(values["namespace.from"], "namespace.from", errors, low="0"),
        "to": _share(values["namespace.to"], "namespace.to", errors, low="0"),
    }


def _amount(text: str, path: str, errors: Errors) -> Decimal:
    remedy = gettext("Enter an amount, such as {example}.").format(example=decimal(4.5))
    number, fault = amount_of(text, remedy)
    if fault:
        errors[path] = fault
    return number or Decimal(0)


def _percentage(text: str, path: str, errors: Errors, low: str, high: str) -> Decimal:
    number, fault = percentage_of(text, low, high, "50")
    if fault:
        errors[path] = fault
    return number or Decimal(0)


def _share(text: str, path: str, errors: Errors, low: str = "0.01", high: str = "100") -> float:
    number = _percentage(text, path, errors, low, high)
    return 0.01 if path in errors else float(number / 100)


def _whole(text: str, path: str, errors: Errors, default: int | None) -> int | None:
    if not text.strip():
        return default
    number, fault = whole_of(text, default or 14)
    if fault:
        errors[path] = fault
        return default
    return number


def moment_of(text: str, zone: str) -> datetime | None:
    """Return the time of a field; None if it is empty or cannot be read."""
    return _moment(text, zone, "", {})


def _moment(text: str, zone: str, path: str, errors: Errors) -> datetime | None:
    if not text.strip():
        return None
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        errors[path] = gettext("“{typed}” is not a time. Enter one like 2026-11-23T09:00.").format(typed=text[:40])
        return None
    return local if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone))


# writing


def _blank_variant(key: str, weight: str) -> dict[str, str]:
    return {**dict.fromkeys(VARIANT_FIELDS, ""), "key": key, "weight": weight}


def _variant_values(variant: VariantDocument) -> dict[str, str]:
    content, cost = variant["content"], variant["cost"]
    custom = content.get("custom")
    return {
        "key": variant["key"],
        "name": variant["name"],
        "weight": f"{round(variant['weight'] * 100, 4):.8g}",
        "content.headline": content.get("headline", ""),
        "content.body": content.get("body", ""),
        "content.image_url": content.get("image_url", ""),
        "content.link_url": content.get("link_url", ""),
        "content.cta": content.get("cta", ""),
        "content.custom": json.dumps(custom, ensure_ascii=False, indent=2) if custom else "",
        "cost.fixed": amount_text(_text(cost["fixed"])) if cost else "",
        "cost.per_thousand": amount_text(_text(cost["per_thousand"])) if cost else "",
    }


def _split(variants: list[dict[str, str]]) -> None:
    """Set even weights in hundredths of a per cent; the remainder goes to the first ones."""
    each, rest = divmod(10_000, len(variants))
    for position, variant in enumerate(variants):
        variant["weight"] = f"{(each + (position < rest)) / 100:g}"


def _free_key(variants: list[dict[str, str]]) -> str:
    taken = {variant["key"] for variant in variants}
    return next(key for key in "abcdefghijklmnopqrstuvwxyz" if key not in taken)


def _as_percent(share: float) -> str:
    return f"{share * 100:.8g}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    return "" if value is None else str(value)


def _local(moment: str | None, zone: str) -> str:
    if not moment:
        return ""
    return datetime.fromisoformat(moment).astimezone(UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
