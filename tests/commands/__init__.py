"""
Man pages and shell completions, made from the commands' own Options.
"""
