"""The `klette` command: fast help, the tuple of commands, and errors in one line."""

import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from experiments.commands import cli
from experiments.errors import InvalidError
from experiments.translation import gettext, speaking


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


def commands_of(command: click.Command, *path: str) -> list[tuple[tuple[str, ...], click.Command]]:
    """Return a command and those inside, each with what a person types after `klette`."""
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    return [(path, command), *(found for name, one in inner for found in commands_of(one, *path, name))]


@pytest.mark.parametrize(("name", "module", "_sentence"), cli.COMMANDS)
def test_help_of_every_command_and_option_is_in_the_language_of_the_settings(monkeypatch, name, module, _sentence):
    monkeypatch.setenv("KLETTE_LANGUAGE", "de")
    for path, command in commands_of(import_module(module).command, name):
        printed = CliRunner().invoke(cli.main, [*path, "--help"], terminal_width=1000).output
        assert printed.startswith("Aufruf:") and "Show this message" not in printed
        texts = [command.help, *(found.help for found in command.params if isinstance(found, click.Option))]
        for text in filter(None, texts):
            first = text.splitlines()[0]
            with speaking("de"):
                assert gettext(text).splitlines()[0] in printed
            assert first not in printed, f"{first!r} is in English in the help of klette {' '.join(path)}"


def test_the_list_of_commands_is_in_the_language_of_the_environment(monkeypatch):
    monkeypatch.setenv("KLETTE_LANGUAGE", "de")
    printed = CliRunner().invoke(cli.main, ["--help"], terminal_width=1000).output
    with speaking("de"):
        assert all(gettext(known.summary) in printed for known in cli.COMMANDS)
    assert not any(known.summary in printed for known in cli.COMMANDS)
    monkeypatch.setenv("KLETTE_LANGUAGE", "xx")
    printed = CliRunner().invoke(cli.main, ["--help"], terminal_width=1000).output
    assert all(known.summary in printed for known in cli.COMMANDS)


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
