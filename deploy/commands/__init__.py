"""The commands of `langso`, one file per job. Each has `add(commands)`; imports of rooms stay inside functions."""
