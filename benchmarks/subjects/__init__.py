"""
One module a subject. It has C{CONTESTANTS}, ours first, and
C{tables(settings: Settings) -> Iterator[Table]}, which measures them; L{benchmarks.contest} has
what that is made of. A new module here is found by its name.
"""
