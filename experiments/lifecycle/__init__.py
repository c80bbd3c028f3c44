"""The life cycle of an experiment: states, editing, launch checklist and namespaces."""
