"""
What C{gopherfetch --mirror} takes, shows and returns.
"""
