"""edge/camera"""
