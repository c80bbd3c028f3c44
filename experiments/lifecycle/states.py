"""The states of an experiment and the possible actions in each."""

STATES = ("draft", "scheduled", "running", "paused", "stopped", "archived")
"""In the order of the life cycle."""

POSSIBLE: dict[str, tuple[str, ...]] = {
    "draft": ("launch", "archive"),
    "scheduled": ("launch", "pause", "stop"),
    "running": ("pause", "stop", "ship"),
    "paused": ("resume", "stop", "ship"),
    "stopped": ("ship", "archive"),
    "archived": (),
}
"""The actions that each state allows."""
