"""An experiment from draft to archive: states, editing, launch checklist, namespaces."""
