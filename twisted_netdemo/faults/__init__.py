"""
The model of a bad network that impair and badwire share: the fate of each packet, and the time
at which it leaves.
"""
