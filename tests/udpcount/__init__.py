"""
Tests of udpcount.
"""
