"""`klette analyse`: analyse an experiment now, or compute a stored analysis again."""

import json
from contextlib import closing

import click


@click.command()
@click.argument("key")
@click.option("--repeat", "analysis_id", metavar="ID", help="Compute this stored analysis again and compare.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of the sampled models.")
@click.option("--quick", "--no-segments", "quick", is_flag=True, help="Leave the sampled models out: seconds less.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as JSON.")
def command(key: str, analysis_id: str | None, seed: int | None, quick: bool, as_json: bool) -> None:
    """Analyse the experiment KEY now and print the answer as a short table."""
    from experiments.database import Database
    from experiments.settings import settings
    from experiments.worker import prepare_process

    chosen = settings()
    prepare_process(chosen.data_dir)
    from experiments.analyse import analyse
    from experiments.commands.answer import table

    with closing(Database(chosen.url, synchronous=chosen.sqlite_synchronous)) as database:
        if analysis_id:
            _repeat(database, key, analysis_id, as_json)
            return
        made = analyse(database, key, seed=seed, with_models=not quick)
    if as_json:
        click.echo(json.dumps(made.result, indent=2, ensure_ascii=False))
        return
    click.echo(table(made.result))
    click.echo()
    click.echo(f"Analysis {made.id}, {made.result['units']['randomised']:,} members, up to {made.result['cut_off']}.")
    click.echo(f"{chosen.public_url}/experiments/{key}")


def _repeat(database, key: str, analysis_id: str, as_json: bool) -> None:  # type: ignore[no-untyped-def]
    from experiments.analyse import repeat
    from experiments.errors import ConflictError, NotFoundError
    from experiments.experiment import get
    from experiments.tables import Analysis

    with database.read() as session:
        stored = session.get(Analysis, analysis_id)
        if stored is None or stored.experiment_id != get(session, key).id:
            raise NotFoundError(f"{key} has no analysis {analysis_id!r}; GET .../analyses lists those it has.")
        again = json.loads(json.dumps(repeat(session, analysis_id)))
    if as_json:
        click.echo(json.dumps(again, indent=2, ensure_ascii=False))
    if again != stored.result:
        then, now = stored.result["provenance"]["versions"], again["provenance"]["versions"]
        changed = [f"{name} {then.get(name)} → {now.get(name)}" for name in now if then.get(name) != now.get(name)]
        why = f"the versions differ ({', '.join(changed)})" if changed else "the versions are the same: tell the makers"
        raise ConflictError(f"Analysis {analysis_id} gives other figures than stored; {why}.")
    if not as_json:
        click.echo(f"Analysis {analysis_id} repeats to the digit.")
