"""Readings of the commune's boards: the system of record, its hourly figures, and the copy on an Influx server."""
