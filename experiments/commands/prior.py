"""`klette prior`: the priors of lifts, learned from finished experiments."""

import json
from typing import Any

import click

from experiments.commands import helping
from experiments.commands.console import opened_database
from experiments.translation import N_, gettext
from experiments.translation.filling import filled

command = helping.Group("prior", help=N_("Learn, list and show the priors of lifts."))


@command.command(
    "learn", help=N_("Estimate the spread of true lifts from the finished experiments, and store it as a prior.")
)
@click.option("--dry-run", is_flag=True, help=N_("Print the learned prior without storing it."))
def learn_command(dry_run: bool) -> None:
    from analysis import NotShown
    from experiments.analyses import priors
    from experiments.reporting.sentences.wording import Wording
    from experiments.storage import audit

    words = Wording()

    with opened_database() as database:
        with database.read() as session:
            history = priors.learn_from_history(session)
        if isinstance(history.learned, NotShown):
            click.echo(words.text(history.learned.reason))
            _left_out(history.left_out)
            return
        _summary(words.worded(history.learned.prior.to_dict()), words.worded(history.learned.evidence))
        _left_out(history.left_out)
        if dry_run:
            click.echo(gettext("Dry run: nothing was stored."))
            return
        with database.write() as session:
            row = priors.store(session, history, history.learned)
            audit.record(session, actor="cli", action="prior:learn", prior=row.id, tests=history.learned.tests)
    click.echo(gettext("Stored. Runs without an analysis use it from now on; the others keep their prior."))


@command.command("list", help=N_("List the priors of lifts: name, spread of a lift, and why."))
def list_command() -> None:
    from experiments.reporting.numbers import percent

    for row in _all():
        click.echo(f"{row['name']}\t± {percent(row['parameters']['sd'], 0)}\t{row['reason']}")


@command.command("show", help=N_("Print a prior with its parameters and evidence as JSON."))
@click.argument("name")
def show(name: str) -> None:
    from experiments.errors import NotFoundError

    rows = {row["name"]: row for row in _all()}
    if name not in rows:
        message = gettext("There is no prior {name!r}; choose one of {names}.")
        raise NotFoundError(message.format(name=name, names=", ".join(rows)))
    click.echo(json.dumps(rows[name], indent=2, ensure_ascii=False))


def _all() -> list[dict[str, Any]]:
    """Return all priors that an experiment can use, the learned one first."""
    from analysis.priors import named
    from experiments.analyses import priors
    from experiments.lifecycle.current_prior import DEFAULT
    from experiments.reporting.sentences.wording import Wording

    with opened_database() as database, database.read() as session:
        learned = priors.newest(session)
    rows = [named(name).to_dict() for name in (DEFAULT, "sceptical")]
    if learned is not None:
        own = {"name": learned.name, "parameters": learned.parameters, "reason": learned.reason}
        rows.insert(0, own | {"evidence": learned.evidence, "learned_at": learned.created_at.isoformat()})
    words = Wording()
    return [words.worded(row) for row in rows]


def _summary(prior: dict[str, Any], evidence: dict[str, Any]) -> None:
    click.echo(prior["reason"])
    low, high = evidence["tau_low"], evidence["tau_high"]
    spread = gettext(
        "Spread between variants (log-odds): {tau:.3f} (95 % interval {low:.3f} to {high:.3f}); "
        "standard deviation of a lift: {sd:.3f}."
    )
    click.echo(filled(spread, tau=evidence["tau"], low=low, high=high, sd=prior["parameters"]["sd"]))
    click.echo(evidence["better"])


def _left_out(reasons: dict[str, int]) -> None:
    from analysis.messages import message
    from experiments.reporting.sentences.wording import Wording

    for reason, number in sorted(reasons.items()):
        click.echo(Wording().text(message(f"left_out.{reason}", experiments=number)))
