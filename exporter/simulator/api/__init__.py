"""The documents of the API: one file for each resource, JSON and XML. Knows no login and no fault."""
