"""The `klette` command: fast help, the tuple of commands, and errors in one line."""

import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from experiments.commands import cli
from experiments.errors import InvalidError


def test_help_lists_every_command_without_importing_any_of_them():
    program = (
        "import sys; sys.argv = ['klette', '--help']\n"
        "from experiments.commands.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('sqlalchemy', 'pydantic', 'flask', 'numpy') if name in sys.modules])\n"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    assert printed.endswith("[]\n")
    for name, _, sentence in cli.COMMANDS:
        assert f"\n  {name} " in printed
        assert sentence.endswith(".")


@pytest.mark.parametrize(("name", "module", "_sentence"), cli.COMMANDS)
def test_every_command_has_help(name, module, _sentence):
    command = import_module(module).command
    assert isinstance(command, click.Command)
    result = CliRunner().invoke(cli.main, [name, "--help"])
    assert result.exit_code == 0
    assert command.help and command.help.splitlines()[0] in result.output


def test_a_domain_error_is_one_line_and_status_2(monkeypatch):
    @click.command()
    def failing() -> None:
        raise InvalidError("Traffic is 1.5, but must lie between 0 and 1; write 0.5 for half of the members.")

    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: failing)
    result = CliRunner().invoke(cli.main, ["failing"])
    assert result.exit_code == 2
    assert result.output.splitlines() == [
        "Traffic is 1.5, but must lie between 0 and 1; write 0.5 for half of the members."
    ]


def test_an_unknown_command_is_refused_with_status_2():
    result = CliRunner().invoke(cli.main, ["sevre"])
    assert result.exit_code == 2
    assert "sevre" in result.output


def test_an_invalid_setting_stops_the_start(monkeypatch):
    monkeypatch.setenv("KLETTE_WEB_THREADS", "0")
    result = CliRunner().invoke(cli.main, ["serve"])
    assert result.exit_code == 2
    assert result.output.startswith("KLETTE_WEB_THREADS='0' ")
    assert len(result.output.splitlines()) == 1
