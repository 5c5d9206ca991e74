"""
Command lines: options, quantities, and services that a command starts.
"""
