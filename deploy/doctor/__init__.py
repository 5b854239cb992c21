"""deploy/doctor"""
