"""The form of the planning page: what is typed there, and the audience and rules that follow from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from analysis import AnalysisError, Audience, NamedPrior, Plan, Rules
from experiments.analyses.plan_figures import DEFAULT_WINDOW, Figures
from experiments.reporting.numbers import NARROW, general, localised, percent
from experiments.translation import N_, gettext
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
    "window": str(DEFAULT_WINDOW),
    "split": "",
    "better": "more",
    "prior": "auto",
    "like": "",
}
LABELS = {
    "base": N_("Baseline"),
    "sd": N_("Standard deviation"),
    "members": N_("Members per day"),
    "variants": N_("Variants"),
    "lift": N_("Lift to detect"),
    "power": N_("Power"),
    "caring": N_("Negligible loss"),
    "minimum": N_("Minimum members"),
    "days": N_("Planned days"),
    "window": N_("Window"),
    "split": N_("Traffic split"),
    "like": N_("Copy from experiment"),
}
PRIORS = (
    ("auto", N_("Automatic")),
    ("learned", N_("Learned from your finished tests")),
    ("content", N_("Learned from thousands of headline tests")),
    ("sceptical", N_("Sceptical: most differences are small")),
)
_MOST = 20
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:[.,'’\s][0-9]{3})+")
_THOUSANDS = re.compile(r"[.,'’\s]")


@dataclass(frozen=True)
class PlanRequest:
    """A valid form: everything that the plan is computed from, and nothing else, so that plans can be cached by it."""

    audience: Audience
    rules: Rules
    lift: float
    power: float
    days: int | None
    window: int


def typed(given: Mapping[str, str]) -> Values:
    """Return the form: what came with the request, and the default values for what did not."""
    return {name: given.get(name, usual)[:200].strip() for name, usual in BLANK.items()}


def values_of(figures: Figures) -> Values:
    """Return the form filled with an experiment's figures."""
    even = len(set(figures.weights)) == 1
    return BLANK | {
        "measure": "rate" if figures.sd is None else "amount",
        "base": _digits(100 * figures.mean) if figures.sd is None else amount_text(_digits(figures.mean)),
        "sd": "" if figures.sd is None else amount_text(_digits(figures.sd)),
        "members": "" if figures.members_a_day is None else f"{max(figures.members_a_day, 1):.0f}",
        "variants": str(len(figures.weights)),
        "split": "" if even else ", ".join(_digits(100 * weight) for weight in figures.weights),
        "better": "more" if figures.higher else "fewer",
        "caring": _digits(100 * figures.caring),
        "minimum": str(figures.minimum_members),
        "window": str(figures.window_days),
        "prior": figures.prior if figures.prior in dict(PRIORS) else "auto",
        "like": figures.key,
    }


def read_form(values: Values, prior: NamedPrior) -> tuple[PlanRequest | None, Errors]:
    """Read the form; all faults at once, by field."""
    errors: Errors = {}
    rate = values["measure"] == "rate"
    unit = "%" if rate else ""
    base = _number(values, "base", errors, _Bounds(0, 100 if rate else 1e12, unit, open_ends=True))
    sd = None if rate else _number(values, "sd", errors, _Bounds(0, 1e15, open_ends=True))
    members = _number(values, "members", errors, _Bounds(1, 1e10), counted=True)
    variants = _whole(values, "variants", errors, 2, _MOST)
    weights = _weights(values, errors, variants)
    lift = _number(values, "lift", errors, _Bounds(0, 1000, "%", open_ends=True))
    power = _number(values, "power", errors, _Bounds(50, 99, "%"))
    caring = _number(values, "caring", errors, _Bounds(0.01, 50, "%"))
    minimum = _whole(values, "minimum", errors, 2, 10_000_000)
    days = _whole(values, "days", errors, 1, 365) if values["days"] else None
    window = _whole(values, "window", errors, 1, 90)
    if errors:
        return None, errors
    try:
        audience = Audience(base / 100 if rate else base, members, weights, sd, values["better"] != "fewer")
        audience.log_lifts(lift / 100)
    except AnalysisError:
        return None, {"lift": _impossible_lift(values)}
    rules = Rules(caring=caring / 100, min_members=int(minimum), lift_prior=prior)
    return PlanRequest(audience, rules, lift / 100, power / 100, days, window), {}


def labelled(errors: Errors) -> Errors:
    """Return the same sentences, each after the label of its field, for the list at the top."""
    return {name: f"{gettext(LABELS.get(name, name))}: {message}" for name, message in errors.items()}


def _impossible_lift(values: Values) -> str:
    if values["better"] == "fewer":
        text = gettext("A metric can fall by less than {whole} only. Enter a smaller lift.")
        return text.format(whole=percent(1, 0))
    return gettext("{base} plus {lift} is more than all members. Enter a smaller lift.").format(
        base=f"{values['base']}{NARROW}%", lift=f"{values['lift']}{NARROW}%"
    )


class _Bounds(NamedTuple):
    """The range of a number; open ends are not in it."""

    low: float
    high: float
    unit: str = ""
    open_ends: bool = False

    def hold(self, value: float) -> bool:
        return self.low < value < self.high if self.open_ends else self.low <= value <= self.high

    @property
    def remedy(self) -> str:
        """What to enter, as a sentence."""
        text = (
            gettext("Enter a number above {low} and below {high}.")
            if self.open_ends
            else gettext("Enter a number from {low} to {high}.")
        )
        return text.format(low=_written(self.low), high=_written(self.high, self.unit))


def _written(value: float, unit: str = "") -> str:
    return localised(f"{value:,.16g}") + (f"{NARROW}{unit}" if unit else "")


def _number(values: Values, name: str, errors: Errors, bounds: _Bounds, *, counted: bool = False) -> float:
    """Return a number within bounds; 0 with an entry in `errors` if it is not.

    Counts have no three decimals: their marks are between thousands.
    """
    if bounds.unit or counted:  # of a percentage three decimals are plainly decimals
        text = _THOUSANDS.sub("", values[name]) if counted and _GROUPED.fullmatch(values[name]) else values[name]
        number, fault = number_of(text)
        fault = fault and f"{fault} {bounds.remedy}"
    else:
        number, fault = amount_of(values[name], bounds.remedy)
    if fault:
        errors[name] = fault
        return 0.0
    value = float(number or 0)
    if not bounds.hold(value):
        out = gettext("{value} is out of range.").format(value=_written(value, bounds.unit))
        errors[name] = f"{out} {bounds.remedy}"
    return value


def _whole(values: Values, name: str, errors: Errors, low: int, high: int) -> int:
    bounds = _Bounds(low, high)
    number = _number(values, name, errors, bounds, counted=True)
    if name not in errors and number != int(number):
        text = gettext("{value} is not a whole number. Enter one from {low} to {high}.")
        errors[name] = text.format(value=_written(number), low=_written(low), high=_written(high))
    return int(number)


def _weights(values: Values, errors: Errors, variants: int) -> tuple[float, ...]:
    if not values["split"]:
        return (1 / max(variants, 1),) * variants
    parts = [part.strip() for part in re.split(r"[,;/:]", values["split"]) if part.strip()]
    shares = [number_of(part) for part in parts]
    for part, (number, fault) in zip(parts, shares, strict=True):
        if fault or (number or Decimal(0)) <= 0:
            text = gettext(
                "“{share}” is not a share above 0. Enter one for each variant, control first, such as 50, 25, 25."
            )
            errors["split"] = text.format(share=part)
            return ()
    numbers = [float(number or 0) for number, _ in shares]
    if len(numbers) != variants and "variants" not in errors:
        text = gettext("Enter one share for each variant. Shares: {shares}, variants: {variants}.")
        errors["split"] = text.format(shares=len(numbers), variants=variants)
    elif abs(sum(numbers) - 100) > 0.1:
        text = gettext("The shares add up to {sum}; they must add up to {whole}.")
        errors["split"] = text.format(sum=f"{general(sum(numbers))}{NARROW}%", whole=percent(1, 0))
    return tuple(number / sum(numbers) for number in numbers)


def _digits(number: float) -> str:
    """Return four figures, as a person would type them."""
    return f"{float(f'{number:.4g}'):.10g}"


def query_of(made: Plan, typed: Query, metric: str) -> dict[str, str]:
    """Return what the editor is filled with, as the query of its address.

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
    query = {
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
    return {name: value for name, value in query.items() if value}
