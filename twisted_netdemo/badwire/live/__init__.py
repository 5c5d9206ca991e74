"""
The wire in a browser, as it happens: a page on which one sends, loses packets and sees both ends.
"""
