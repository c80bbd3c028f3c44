"""The form of the planning page: what is typed there, and the audience and rules that follow from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from analysis import AnalysisError, Audience, NamedPrior, Plan, Rules
from experiments.analyses.plan_figures import USUAL_WINDOW, Figures
from web.pages.common.typed_numbers import amount_of, amount_text, number_of

Values = dict[str, str]
Errors = dict[str, str]
Query = Mapping[str, str]

BLANK: Values = {
    "measure": "rate",
    "base": "5",
    "sd": "",
    "members": "1000",
    "variants": "2",
    "lift": "10",
    "power": "80",
    "caring": "1",
    "minimum": "100",
    "days": "",
    "window": str(USUAL_WINDOW),
    "split": "",
    "better": "more",
    "prior": "auto",
    "like": "",
}
LABELS = {
    "base": "Base",
    "sd": "Spread of one member",
    "members": "Members a day",
    "variants": "Variants",
    "lift": "Lift to find",
    "power": "Wanted chance",
    "caring": "Loss that would not matter",
    "minimum": "Members before a verdict",
    "days": "Planned days",
    "window": "Window in days",
    "split": "Split",
}
PRIORS = (
    ("auto", "What fits best here"),
    ("learned", "Learned from our finished tests"),
    ("content", "Usual for content"),
    ("sceptical", "Sceptical"),
)
_MOST = 20
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:[.,'’\s]\d{3})+")
_THOUSANDS = re.compile(r"[.,'’\s]")


@dataclass(frozen=True)
class Asked:
    """A whole form: everything that the plan is computed from, and nothing else, so that it can be remembered."""

    audience: Audience
    rules: Rules
    lift: float
    power: float
    days: int | None
    window: int


def typed(given: Mapping[str, str]) -> Values:
    """What stands in the form: what came with the request, and the usual values for what did not."""
    return {name: given.get(name, usual)[:200].strip() for name, usual in BLANK.items()}


def values_of(found: Figures) -> Values:
    """The form filled with an experiment's figures."""
    even = len(set(found.weights)) == 1
    return BLANK | {
        "measure": "rate" if found.sd is None else "amount",
        "base": _digits(100 * found.mean) if found.sd is None else amount_text(_digits(found.mean)),
        "sd": "" if found.sd is None else amount_text(_digits(found.sd)),
        "members": "" if found.members_a_day is None else f"{max(found.members_a_day, 1):.0f}",
        "variants": str(len(found.weights)),
        "split": "" if even else ", ".join(_digits(100 * weight) for weight in found.weights),
        "better": "more" if found.higher else "fewer",
        "caring": _digits(100 * found.caring),
        "minimum": str(found.minimum_members),
        "window": str(found.window_days),
        "prior": found.prior if found.prior in dict(PRIORS) else "auto",
        "like": found.key,
    }


def asked_of(values: Values, prior: NamedPrior) -> tuple[Asked | None, Errors]:
    """Read the form; every fault at once, by field."""
    errors: Errors = {}
    rate = values["measure"] == "rate"
    base = _number(values, "base", errors, 0, 100 if rate else 1e12, unit="%" if rate else "", open_ends=True)
    sd = None if rate else _number(values, "sd", errors, 0, 1e15, open_ends=True)
    members = _number(values, "members", errors, 1, 1e10, counted=True)
    variants = _whole(values, "variants", errors, 2, _MOST)
    weights = _weights(values, errors, variants)
    lift = _number(values, "lift", errors, 0, 1000, unit="%", open_ends=True)
    power = _number(values, "power", errors, 50, 99, unit="%")
    caring = _number(values, "caring", errors, 0.01, 50, unit="%")
    minimum = _whole(values, "minimum", errors, 2, 10_000_000)
    days = _whole(values, "days", errors, 1, 365) if values["days"] else None
    window = _whole(values, "window", errors, 1, 90)
    if errors or None in (base, members, lift, power, caring, minimum, window):
        return None, errors
    try:
        audience = Audience(base / 100 if rate else base, members, weights, sd, values["better"] != "fewer")
        audience.log_lifts(lift / 100)
    except AnalysisError as error:
        return None, {"lift": _told(error.message, values)}
    rules = Rules(caring=caring / 100, min_members=int(minimum), lift_prior=prior)
    return Asked(audience, rules, lift / 100, power / 100, days, window), {}


def labelled(errors: Errors) -> Errors:
    """The same sentences with the name of their field, for the list at the top."""
    return {name: f"{LABELS.get(name, name)}: {message}" for name, message in errors.items()}


def _told(message: str, values: Values) -> str:
    if values["better"] == "fewer":
        return "Nothing can become better by 100 % or more where fewer is better; choose a smaller lift."
    return f"{values['base']} % with {values['lift']} % more is more than all members; choose a smaller lift."


def _number(
    values: Values,
    name: str,
    errors: Errors,
    low: float,
    high: float,
    *,
    unit: str = "",
    open_ends: bool = False,
    counted: bool = False,
) -> float:
    """A number within bounds; 0 with an entry in `errors` where it is none.

    Open ends are not possible themselves. What is counted has no three decimals: its marks are between thousands.
    """
    gap = "\u202f" if unit else ""
    bounds = f"between {low:,.15g} and {high:,.15g}{gap}{unit}"
    if open_ends:
        bounds = f"above {low:,.15g} and below {high:,.15g}{gap}{unit}"
    if unit or counted:  # of a percentage three decimals are plainly decimals
        text = _THOUSANDS.sub("", values[name]) if counted and _GROUPED.fullmatch(values[name]) else values[name]
        number, fault = number_of(text)
        fault = fault and f"{fault}; give a number {bounds}."
    else:
        number, fault = amount_of(values[name], f"a number {bounds}")
    if fault:
        errors[name] = fault
        return 0.0
    value = float(number or 0)
    inside = low < value < high if open_ends else low <= value <= high
    if not inside:
        errors[name] = f"{value:,.15g}{gap}{unit} is not {bounds}."
    return value


def _whole(values: Values, name: str, errors: Errors, low: int, high: int) -> int:
    number = _number(values, name, errors, low, high, counted=True)
    if name not in errors and number != int(number):
        errors[name] = f"{number:g} is no whole number; give one between {low:,} and {high:,}."
    return int(number)


def _weights(values: Values, errors: Errors, variants: int) -> tuple[float, ...]:
    if not values["split"]:
        return (1 / max(variants, 1),) * variants
    parts = [part.strip() for part in re.split(r"[,;/:]", values["split"]) if part.strip()]
    shares = [number_of(part) for part in parts]
    for part, (number, fault) in zip(parts, shares, strict=True):
        if fault or (number or Decimal(0)) <= 0:
            errors["split"] = (
                f"“{part}” is no share above 0; give one for each variant, the control first, such as 50, 25, 25."
            )
            return ()
    numbers = [float(number or 0) for number, _ in shares]
    if len(numbers) != variants and "variants" not in errors:
        errors["split"] = f"These are {len(numbers)} shares for {variants} variants; give one for each."
    elif abs(sum(numbers) - 100) > 0.1:
        errors["split"] = f"The shares add up to {sum(numbers):g}\u202f%; they must add up to 100\u202f%."
    return tuple(number / sum(numbers) for number in numbers)


def _digits(number: float) -> str:
    """Four figures, as a person would type them."""
    return f"{float(f'{number:.4g}'):.10g}"


def query_of(made: Plan, typed: Query, metric: str) -> dict[str, str]:
    """What the editor is asked for.

    Parameters
    ----------
    made
        The plan.
    typed
        The planning form that it was made from.
    metric
        The deciding metric where the figures are an experiment's, else "".
    """
    weights = made.audience.weights
    asked = {
        "planned_days": str(made.planned_days),
        "window_days": str(made.window_days or ""),
        "minimum_members": str(made.rules.min_members),
        "threshold_of_caring": f"{100 * made.rules.caring:.10g}",
        "variants": str(len(weights)),
        "split": "" if len(set(weights)) == 1 else ",".join(f"{100 * weight:.6g}" for weight in weights),
        "prior": typed["prior"],
        "primary_metric": metric,
        "measure": typed["measure"],
        "base": typed["base"],
        "members": typed["members"],
        "lift": typed["lift"],
        "found": f"{100 * made.with_lift.right.value:.0f}",
    }
    return {name: value for name, value in asked.items() if value}
