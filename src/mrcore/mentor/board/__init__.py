"""Bull Board's wire contract (9.x) at `/admin/queues`, over all engines, as a client of the core.

Routes, shapes and errors are those of @bull-board/api 9.10.2.
"""
