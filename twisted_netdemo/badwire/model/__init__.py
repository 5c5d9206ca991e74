"""
What happens on the wire: packets, flows, fates and receivers, without a kernel.
"""
