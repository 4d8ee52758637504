"""The store gives memory back to the system."""

from __future__ import annotations

import pyarrow as pa

from redline.store import Store


def test_an_open_store_has_arrow_use_the_pool_that_keeps_nothing(store: Store) -> None:
    assert store.known() == []
    assert pa.default_memory_pool().backend_name == "system"
