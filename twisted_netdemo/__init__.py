"""
The Internet's plainest protocols, as Twisted services, and the network under them made visible.
"""
