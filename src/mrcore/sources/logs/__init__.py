"""Log files: streams with their last notable lines, and lines page by page.

`mrcore logreader`, a child of the core, does all file work; see `mrcore.logreader`.
"""

from mrcore.sources.logs.source import LogsSource, Settings, open_source

__all__ = ["LogsSource", "Settings", "open_source"]
