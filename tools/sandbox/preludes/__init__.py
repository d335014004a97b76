"""Modules of the standard library that Monty lacks, written in the Python that Monty runs.

They are ordinary modules, so that they can be compared with the real ones; Monty is given their source. Monty has no inheritance, no
decorated methods, no generators, no comparison operators of one's own classes, and `for` needs a list or an iterator of its own.
"""
