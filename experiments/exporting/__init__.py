"""Exports of an analysis: posterior draws, a summary, the members and a report, a file of code for each.

`source` reads the stored analysis once; the other modules write one file each and know no database.
"""
