"""
Bad networks for other people's tests.

Importing this package imports neither Twisted nor a reactor: the tests may have their own use for
them.
"""

from twisted_netdemo.testing.badwire.refusals import Mistake, Unavailable

__all__ = ["Mistake", "Unavailable"]
