"""
Text from bytes: charsets, and the lines of texts and menus. Pure.
"""
