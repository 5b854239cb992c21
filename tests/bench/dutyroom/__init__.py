"""Parts of `langso bench duty`."""
