"""
The rules of a crawl: what belongs to it, when an address may be asked, what is a trap. Pure.
"""
