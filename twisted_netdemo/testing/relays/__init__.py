"""
Relays of impair for other people's tests, in a process of their own. They need no namespaces.

Importing this package imports no Twisted: the tests may have their own use for it.
"""
