"""
The model of a bad network that impair and badwire share: what befalls each packet, and when it
leaves.
"""
