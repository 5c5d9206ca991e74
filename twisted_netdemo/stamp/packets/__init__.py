"""
STAMP's packets: octets in, values out, and back. Pure.
"""
