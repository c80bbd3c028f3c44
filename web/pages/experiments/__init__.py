"""The list of experiments and the lifecycle actions of one."""
