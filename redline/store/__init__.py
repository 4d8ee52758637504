"""Raw rows in open files, and the ledger of what is known about each session (docs/store-format.md)."""

from redline.store.history import Answered, Known, history
from redline.store.ledger import Held
from redline.store.store import Committed, Store

__all__ = ["Answered", "Committed", "Held", "Known", "Store", "history"]
