"""broker/hub/telemetry"""
