"""The composition root: the only room that reads the environment and knows all the others."""

from redline.engine.core import Engine, install_logging, open_engine
from redline.engine.library import Library
from redline.engine.result import DownloadResult, ExportFile, SourceInfo, Status
from redline.engine.story import Story
from redline.jobs.job import JobEvent, JobView, PartView

__all__ = [
    "DownloadResult",
    "Engine",
    "ExportFile",
    "JobEvent",
    "JobView",
    "Library",
    "PartView",
    "SourceInfo",
    "Status",
    "Story",
    "install_logging",
    "open_engine",
]
