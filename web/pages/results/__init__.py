"""The results of an experiment: its page, its states, decisions and the report."""
