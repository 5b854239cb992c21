"""broker/hub"""
