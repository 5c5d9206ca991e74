"""
Each of the suite's services beside what a user would pick instead, measured in the same run.

C{python -m benchmarks} runs all subjects, C{python -m benchmarks linecount} one. A subject is a
module in L{benchmarks.subjects}, its rivals are short programs in C{rivals/}, what loads them is in
C{loads/}. See L{benchmarks.contest} for how it is measured.
"""
