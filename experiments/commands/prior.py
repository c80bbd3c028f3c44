"""`klette prior`: what is believed of lifts beforehand, learned from finished experiments."""

import json
from typing import Any

import click

from experiments.commands.console import opened_database


@click.group("prior")
def command() -> None:
    """Learn, list and show the priors of lifts."""


@command.command("learn")
@click.option("--dry-run", is_flag=True, help="Say what would be learned, and keep nothing.")
def learn_command(dry_run: bool) -> None:
    """Fit the spread of true lifts to this database's finished experiments, and keep it."""
    from analysis import NotShown
    from experiments.analyses import priors
    from experiments.reporting.sentences.wording import Wording
    from experiments.storage import audit

    words = Wording()

    with opened_database() as database:
        with database.read() as session:
            found = priors.look_back(session)
        if isinstance(found.learned, NotShown):
            click.echo(words.text(found.learned.reason))
            _left_out(found.left_out)
            return
        _summary(words.worded(found.learned.prior.to_dict()), words.worded(found.learned.evidence))
        _left_out(found.left_out)
        if dry_run:
            click.echo("Nothing was kept: this was a dry run.")
            return
        with database.write() as session:
            row = priors.keep(session, found, found.learned)
            audit.record(session, actor="cli", action="prior:learn", prior=row.id, tests=found.learned.tests)
    click.echo("Kept. Runs that are not analysed yet go by it; the others keep what they began with.")


@command.command("list")
def list_command() -> None:
    """List the priors of lifts: name, spread of a lift, and why."""
    for row in _all():
        click.echo(f"{row['name']}\t± {100 * row['parameters']['sd']:.0f} %\t{row['reason']}")


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show a prior with its parameters and what it was learned from, as JSON."""
    from experiments.errors import NotFoundError

    rows = {row["name"]: row for row in _all()}
    if name not in rows:
        raise NotFoundError(f"There is no prior {name!r} of lifts; there are {', '.join(rows)}.")
    click.echo(json.dumps(rows[name], indent=2, ensure_ascii=False))


def _all() -> list[dict[str, Any]]:
    """Every prior that an experiment may name, the learned one first where there is one."""
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
    click.echo(
        f"Spread between variants, on the log-odds scale: {evidence['tau']:.3f} (95 % from {low:.3f} to {high:.3f}); "
        f"of a lift: {prior['parameters']['sd']:.3f}."
    )
    click.echo(evidence["better"])


def _left_out(reasons: dict[str, int]) -> None:
    from analysis.messages import message
    from experiments.reporting.sentences.wording import Wording

    for reason, number in sorted(reasons.items()):
        click.echo(Wording().text(message(f"left_out.{reason}", experiments=number)))
