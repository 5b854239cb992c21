"""broker/speech"""
