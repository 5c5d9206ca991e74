"""
Tests of what happens on the wire, without a kernel.
"""
