"""`klette plan`: how long a test must run, from a few figures or from an analysed experiment."""

import json
from typing import TYPE_CHECKING, Any

import click

from experiments.commands import helping
from experiments.translation import N_, gettext
from experiments.translation.filling import filled
from experiments.translation.lists import listed

if TYPE_CHECKING:
    from analysis import Plan

_PRIORS = ("auto", "learned", "content", "sceptical")


class _Share(click.ParamType[float]):
    """A share: ``5%`` or ``0.05``."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip().replace(",", ".")
        try:
            return float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            self.fail(gettext("{value!r} is not a share; write 5% or 0.05.").format(value=value), param, ctx)


class _Change(_Share):
    """A relative change; from 1 on it needs a percent sign, since ``10`` more likely means 10 % than tenfold."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        share = super().convert(value, param, ctx)
        text = str(value).strip()
        if share >= 1 and not text.endswith("%"):
            message = gettext(
                "{text} would be {percent:,.0f}\u202f%; write {text}% or {share:g} for {text}\u202f%, "
                "or {percent:.0f}%."
            )
            self.fail(filled(message, text=text, percent=share * 100, share=share / 100), param, ctx)
        return share


@click.command(cls=helping.Command, help=N_("Plan how long a test must run, by simulating the decision rule."))
@click.option(
    "--like", metavar="KEY", help=N_("Take baseline, traffic and split from this experiment's newest analysis.")
)
@click.option("--baseline", type=_Share(), help=N_("The control's rate, such as 5%, or its mean amount with --sd."))
@click.option("--sd", type=float, help=N_("Standard deviation of a member's amount or count."))
@click.option("--lift", type=_Change(), default="10%", show_default=True, help=N_("Minimum lift to detect."))
@click.option("--members-a-day", type=float, help=N_("Members per day, all variants together."))
@click.option(
    "--variants", type=click.IntRange(2, 20), help=N_("Number of variants, including the control.  [default: 2]")
)
@click.option(
    "--power", type=_Share(), default="80%", show_default=True, help=N_("Probability of detecting that lift.")
)
@click.option("--caring", type=_Change(), help=N_("Relative loss that does not matter.  [default: 1%]"))
@click.option("--planned-days", type=click.IntRange(1, 365), help=N_("Evaluate a plan of this many days instead."))
@click.option("--window-days", type=click.IntRange(1, 90), help=N_("Attribution window.  [default: 7]"))
@click.option("--fewer-is-better", is_flag=True, help=N_("The metric should fall, as for complaints."))
@click.option("--prior", type=click.Choice(_PRIORS), help=N_("Prior of the lifts.  [default: auto]"))
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help=N_("Seed of the simulation."))
@click.option("--json", "as_json", is_flag=True, help=N_("Print the whole plan as JSON."))
def command(like: str | None, as_json: bool, **given: Any) -> None:
    from analysis import AnalysisError, Rules, plan
    from analysis.planning.forecast import SEED
    from analysis.planning.plan import detectable_lift
    from experiments.errors import InvalidError
    from experiments.lifecycle.current_prior import notice

    try:
        audience, rules, window = _from_experiment(like, given) if like else _from_figures(given)
        made = plan(
            audience,
            given["lift"],
            power=given["power"],
            rules=Rules(**rules),
            planned_days=given["planned_days"],
            window_days=given["window_days"] or window,
            seed=SEED if given["seed"] is None else given["seed"],
        )
    except AnalysisError as error:
        raise InvalidError(error.message) from None
    detectable = detectable_lift(made.audience, made.rules, made.planned_days, made.power)
    prior_notice = notice(given["prior"] or "auto", made.rules.lift_prior.name)
    if as_json:
        more = {"detectable_lift": detectable} | ({"prior_notice": prior_notice} if prior_notice else {})
        click.echo(json.dumps(made.to_dict() | more, indent=2, ensure_ascii=False))
        return
    _print(made, detectable, prior_notice)


def _from_figures(given: dict[str, Any]) -> tuple[Any, dict[str, Any], int]:
    """Return the audience, the rules and the window from the options."""
    from analysis import Audience
    from experiments.analyses.plan_figures import DEFAULT_WINDOW
    from experiments.errors import InvalidError

    missing = [f"--{name.replace('_', '-')}" for name in ("baseline", "members_a_day") if given[name] is None]
    if missing:
        message = gettext("Set {options}, or use --like KEY to take them from an experiment.")
        raise InvalidError(message.format(options=listed(missing)))
    number = given["variants"] or 2
    audience = Audience(
        given["baseline"], given["members_a_day"], (1 / number,) * number, given["sd"], not given["fewer_is_better"]
    )
    return audience, {"caring": given["caring"] or 0.01} | _lift_prior(given["prior"] or "auto"), DEFAULT_WINDOW


def _from_experiment(key: str, given: dict[str, Any]) -> tuple[Any, dict[str, Any], int]:
    """Return the audience, rules and window of an experiment; options override its figures."""
    from dataclasses import replace

    from experiments.analyses.plan_figures import figures
    from experiments.commands.console import opened_database

    with opened_database() as database, database.read() as session:
        planned = figures(session, key)
        given["prior"] = given["prior"] or planned.prior
        prior = _chosen(session, given["prior"])
    audience = planned.audience(given["members_a_day"])
    if given["baseline"] is not None:
        audience = replace(audience, mean=given["baseline"], sd=given["sd"] or audience.sd)
    if given["variants"]:
        audience = replace(audience, weights=(1 / given["variants"],) * given["variants"])
    rules = {
        "caring": given["caring"] or planned.caring,
        "min_members": max(2, planned.minimum_members),
        "lift_prior": prior,
    }
    return audience, rules, planned.window_days


def _lift_prior(name: str) -> dict[str, Any]:
    """Return the prior of a name as a rule; the database is read only if a learned prior can apply."""
    from analysis import priors

    if name not in ("auto", "learned"):
        return {"lift_prior": priors.named(name)}
    from contextlib import closing

    from sqlalchemy import inspect

    from experiments.commands.console import connect
    from experiments.settings import settings

    with closing(connect(settings())) as database:
        # Planning does not create a database; without one there is no learned prior.
        if not inspect(database.engine).has_table("learned_prior"):
            return {"lift_prior": priors.named("content")}
        with database.read() as session:
            return {"lift_prior": _chosen(session, name)}


def _chosen(session: Any, name: str) -> Any:
    from experiments.analyses.priors import choose

    return choose(session, name).prior


def _print(made: "Plan", detectable: float | None, notice: str) -> None:
    from analysis.planning.summary import smallest_lift
    from experiments.reporting.plan import plan_in_words
    from experiments.reporting.sentences.wording import Wording

    words = plan_in_words(made)
    click.echo(f"{words.headline} {words.reason}")
    for sentence in words.helps:
        click.echo(f"- {sentence}")
    click.echo()
    width = max(len(figure.label) for figure in words.figures)
    for figure in words.figures:
        click.echo(f"{figure.label:<{width}}  {figure.value}")
    click.echo(Wording().text(smallest_lift(made, detectable)))
    click.echo()
    click.echo(f"{words.prior}: {words.announced}")
    for line in filter(None, (notice, words.window)):
        click.echo(line)
