"""
The live page in a browser, with the real kernel. C{nox -s proofs} runs these modules.
"""
