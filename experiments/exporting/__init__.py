"""Taking an analysis along: posterior draws, a summary, the members and a report, each a file of its own.

`reading` finds the stored analysis once; the other modules make one file of it each and know no database.
"""
