"""
UDP sockets as services, with what the kernel tells of each datagram.
"""
