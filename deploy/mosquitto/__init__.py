"""Mosquitto as the commune's broker: its configuration and rights, generated."""
