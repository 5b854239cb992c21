"""broker/hub/console"""
