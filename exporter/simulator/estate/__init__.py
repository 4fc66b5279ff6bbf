"""What a simulated site protects and how it does at a second, drawn from a seed: the readings.

Knows no document of the API, no HTTP and no fault: the room `api` says what a ZVM makes of the readings.
"""
