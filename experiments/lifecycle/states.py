"""The states of an experiment and the actions that are possible in each."""

STATES = ("draft", "scheduled", "running", "paused", "stopped", "archived")
"""In the order of an experiment's life."""

POSSIBLE: dict[str, tuple[str, ...]] = {
    "draft": ("launch", "archive"),
    "scheduled": ("launch", "pause", "stop"),
    "running": ("pause", "stop", "ship"),
    "paused": ("resume", "stop", "ship"),
    "stopped": ("ship", "archive"),
    "archived": (),
}
"""The actions that each state allows."""
