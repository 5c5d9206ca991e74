"""
Tests of the subcommands.
"""
