"""The API reference at /docs: one page, made of the schema, the guide and the examples."""

from app.http.reference.page import Reference

__all__ = ["Reference"]
