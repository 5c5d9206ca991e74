"""
The files of a mirror: their names, how they get there, and the menus that make them a hole again.
"""
