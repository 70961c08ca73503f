"""Kernels that start at once: forked from a parent process in which the heavy packages are imported
already.
"""
