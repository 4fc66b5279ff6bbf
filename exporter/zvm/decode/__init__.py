"""Bytes of an answer to typed rows, JSON or XML, however a server spells its keys. Knows no field's meaning."""
