"""
A UDP server: count one datagram, answer with one.
"""
