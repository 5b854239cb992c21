"""broker/trust"""
