"""
The command line of a server: its port, workers, limits, metrics and logs, and the server they make.
"""
