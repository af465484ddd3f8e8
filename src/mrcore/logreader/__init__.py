"""The log reader: all file work of the source `logs`, in a process of its own.

Imports the standard library and `mrcore.errors` only, so that it starts in a tenth of a second.
`loop` is the process; `watch` knows which files, `follow` one stream, `generation` one file's
content, `page` and `walk` answer for lines, the rest are pure functions of bytes.
"""
