"""Parts of `langso bench speaker`."""
