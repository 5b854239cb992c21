"""Parts of `langso bench announcing`."""
