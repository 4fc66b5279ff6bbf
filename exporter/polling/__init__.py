"""Polls the ZVMs: who is asked for what and when, what of an answer is published, and how each poll ended.

A target is one ZVM, a job one collector of it. Knows collectors and clients, but no field of the API and no HTTP.
"""
