"""Import of finished experiments from CSV files: a row per member, or counts by variant.

Reading is pure (`csv_file`, `values`, `members`, `counts`). `staging` keeps rows until all are valid, `store` writes
them in one transaction, and `run` is the entry point.
"""

from experiments.importing.csv_file import Source, preview
from experiments.importing.plan import Plan, make_plan
from experiments.importing.run import run_import
from experiments.importing.store import ImportSummary

__all__ = ["ImportSummary", "Plan", "Source", "make_plan", "preview", "run_import"]
