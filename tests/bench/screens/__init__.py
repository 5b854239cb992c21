"""Parts of `langso bench kiosk`."""
