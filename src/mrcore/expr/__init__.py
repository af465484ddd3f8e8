"""The one expression language: conditions over metrics and facts, for rules and runbooks. Pure.

```
queue.oldest_wait_s[q] > 2m and queue.workers[q] == 0      for every queue q
health.status@blue != 200                                   of the one that is called blue
slope(queue.waiting, 10m) > 0/1s                            per second, over ten minutes
redis.used_bytes / redis.maxmemory_bytes > 85%
session.state in ("idle in transaction", "idle in transaction (aborted)")
health.status != 200 and colour.live[name]                  of the colour with that name
absent(redis.canary_ms)                                     nobody has said it
```

A name without a selector, or with a word in brackets, is of the subject: what the expression is
asked about, one thing after another. A name with `@word` or `["text"]` is of the thing with that
name or ref; with `[name]` of the one that has the subject's name. All of an expression's free names
are of one kind.

Values are numbers with a unit (time, bytes, both to a power, or none), texts and truths; units are
checked when it is parsed. What nobody has said is no data: an `and` with something false is false
all the same, an `or` with something true is true, and everything else is no data too.
"""
