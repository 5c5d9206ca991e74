"""
Formats of bodies: as text for people, and as JSON. Pure.
"""
