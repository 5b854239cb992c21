"""edge/node"""
