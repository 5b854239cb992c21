"""broker/hub/announcing"""
