"""Exports of an analysis: posterior draws, a summary, the members and a report, each in its own module.

`source` reads the stored analysis once; `members` reads the members; the other modules use no database.
"""
