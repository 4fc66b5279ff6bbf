"""The documents of the API, JSON and XML: one file for each resource, found by the routes that it declares.

A new resource is a new file here with a tuple ROUTES (see `routes`), and nothing else. No login and no fault.
"""
