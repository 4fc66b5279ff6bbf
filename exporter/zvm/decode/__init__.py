"""Bytes of an answer to typed rows: JSON or XML, whatever its form, however a server spells its keys."""
