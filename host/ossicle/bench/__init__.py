"""Benchmarks: what Ossicle costs and how well it finds speech, beside what a user would pick instead.

Every module measures one thing and gives one table; `suite` lists them, `page` writes them down. Figures of
time are compared as ratios within one run: the contestants take turns, so that a slow moment hits them all.
"""
