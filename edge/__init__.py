"""What runs on the Raspberry Pi of a cultural house, beside the kiosk and the serial bridge."""
