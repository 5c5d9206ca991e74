"""
Listening for TCP connections: endpoints, the service, the PROXY protocol, limits, SOCKS.
"""
