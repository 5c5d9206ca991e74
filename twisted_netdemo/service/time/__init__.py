"""
Clocks, timers, deadlines and rates.
"""
