"""edge/speaker"""
