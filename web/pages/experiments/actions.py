"""What can be done to an experiment: each action's button, question, consequence and confirmation."""

from dataclasses import dataclass, replace

from experiments.lifecycle.states import POSSIBLE
from experiments.translation import N_, gettext


@dataclass(frozen=True)
class Action:
    """An action on an experiment; its texts are English, and translated by `spoken`.

    Attributes
    ----------
    button
        The button that leads to it.
    question, consequence
        What is asked before it is done, and what it does.
    confirm
        The button that does it.
    done
        What the page says afterwards.
    before_start
        The consequence for an experiment that was not launched, where that differs.
    asks
        Whether the results page asks before it acts.
    """

    key: str
    button: str
    question: str
    consequence: str
    confirm: str
    done: str
    before_start: str = ""
    asks: bool = True

    def spoken(self) -> "Action":
        """Return the action with its texts in the language in use."""
        return replace(
            self,
            button=gettext(self.button),
            question=gettext(self.question),
            consequence=gettext(self.consequence),
            confirm=gettext(self.confirm),
            done=gettext(self.done),
            before_start=gettext(self.before_start),
        )


ACTIONS: tuple[Action, ...] = (
    Action(
        "pause",
        N_("Pause"),
        N_("Pause this experiment?"),
        N_("No new members take part until you resume it. Members keep their variant."),
        N_("Pause experiment"),
        N_("The experiment is paused. Members keep their variant; new visitors see what your app shows by default."),
        before_start=N_("It won't start until you resume it."),
        asks=False,
    ),
    Action(
        "resume",
        N_("Resume"),
        N_("Resume this experiment?"),
        N_("New members take part again. Members keep their variant."),
        N_("Resume experiment"),
        N_("The experiment is running again."),
        asks=False,
    ),
    Action(
        "stop",
        N_("Stop"),
        N_("Stop this experiment?"),
        N_("No variant is shown any more. You can't restart it. The data is kept."),
        N_("Stop experiment"),
        N_("The experiment is stopped. The data is kept."),
        before_start=N_("It will never start. You can't undo this."),
    ),
    Action(
        "archive",
        N_("Archive"),
        N_("Archive this experiment?"),
        N_("It moves from the list to “Archived”. Nothing is deleted."),
        N_("Archive experiment"),
        N_("The experiment is archived."),
    ),
    Action(
        "ship",
        N_("Ship variant…"),
        N_("Ship a variant?"),
        N_("The experiment stops and all members see the variant you choose."),
        N_("Ship variant"),
        N_("The variant is shipped: all members see it from now on."),
    ),
)
DECIDED_ELSEWHERE = N_("The decision is recorded.")
"""Said of a test that ran elsewhere: Klette shows its variants to no member."""


def action(key: str) -> Action:
    """Return an action in the language in use; `key` must be one of `ACTIONS`."""
    return next(found for found in ACTIONS if found.key == key).spoken()


def buttons(state: str) -> tuple[Action, ...]:
    """Return the actions that a state allows and that have a button of their own, in order."""
    return tuple(found.spoken() for found in ACTIONS if found.key in POSSIBLE[state] and found.key != "ship")
