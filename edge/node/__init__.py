"""This computer itself: its health, its kiosk's content, the floor under its clock."""
