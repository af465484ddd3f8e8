"""What the source of every queue engine does once: huey, RQ and BullMQ bring only what differs.

An engine says where its jobs are, how they are read and which script does what. How a page is
walked, how failures are grouped, how rights are asked for, how replies become outcomes and how
connections are held is here. Nothing here knows an engine.
"""
