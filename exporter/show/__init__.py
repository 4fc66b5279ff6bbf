"""`zerto-exporter show`: what the ZVMs answer now, worst first, for a person at a console.

One file for each resource: what it asks for, its records, its columns, and what is worst. It only reads.
"""
