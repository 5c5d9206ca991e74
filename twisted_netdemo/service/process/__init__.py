"""
The process that a service runs in: its exit status, signals, log and service manager.
"""
