"""broker/link"""
