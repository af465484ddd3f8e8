"""One scripted life of many jobs, lived on each engine, and what the engine's library says of it.

`script` is the life, `telling` what is told of a job after it, `engines` how huey, RQ and BullMQ
live it. Nothing here asks a source of ours but for what a person does: retry and remove.
"""
