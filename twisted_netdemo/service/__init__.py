"""
The parts that network services have in common: listening, workers, metrics, logs, options.
"""
