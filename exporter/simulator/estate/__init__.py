"""What a simulated site protects and how it does at an instant, drawn from a seed. Knows no document of the API."""
