"""broker/look"""
