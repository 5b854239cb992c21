"""firmware_bridge/drivers"""
