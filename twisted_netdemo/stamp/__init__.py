"""
STAMP: what a path does to packets, measured between a Session-Sender and a Session-Reflector
(RFC 8762, RFC 8972).
"""
