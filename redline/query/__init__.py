"""Reading the store: bars adjusted as asked, and exports."""

from redline.query.bars import read_bars
from redline.query.export import export, file_name, media_type

__all__ = ["export", "file_name", "media_type", "read_bars"]
