"""
Connections: names, addresses, proxies, and which servers to trust over TLS.
"""
