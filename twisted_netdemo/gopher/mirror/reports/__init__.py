"""
What a mirror has and how it stands, as its database says, while the mirror runs too.
"""
