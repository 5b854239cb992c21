"""broker/hub/records"""
