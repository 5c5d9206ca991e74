"""
TCP transports that need fewer system calls than Twisted's own; optional.
"""
