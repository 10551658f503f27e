"""The asynchronous client.

Derived from `_async/__init__.py` by `python -m clients.generate`: do not edit.
"""
