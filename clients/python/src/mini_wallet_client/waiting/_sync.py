"""For threads."""

from threading import Lock
from time import sleep

__all__ = ["Lock", "sleep"]
