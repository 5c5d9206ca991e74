"""
A mirror of Gopher holes on disk, brought up to date as long as it runs. Its crawler is Scrapy's.
"""
