"""Logs in to a ZVM and out: the methods, their secrets, and how long to wait after a refusal."""
