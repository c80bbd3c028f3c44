"""Importing finished experiments from CSV files: a row per member, or counts by variant.

Reading is pure (`reading`, `values`, `members`, `counts`), `spool` holds what was read until it is whole, `storing`
writes it in one transaction and `bringing` leads through it; `job` is the worker's way in.
"""

from experiments.importing.plan import Plan, make_plan
from experiments.importing.reading import Source, preview
from experiments.importing.run import bring_in
from experiments.importing.store import BroughtIn

__all__ = ["BroughtIn", "Plan", "Source", "bring_in", "make_plan", "preview"]
