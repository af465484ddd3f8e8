"""The primaries of a Cluster, one by one: what the whole hides, as one that is full."""

from __future__ import annotations

from mrcore.model import wire
from mrcore.sources.redis import address, cluster, connection, info


async def section(client: connection.Client) -> tuple[wire.Section, ...]:
    """A line a primary, for a person; none where there is no Cluster."""
    if not isinstance(client, cluster.Client):
        return ()
    texts, sizes = await client.ask_each(("INFO",)), await client.ask_each(("DBSIZE",))
    fields = tuple(
        wire.Field(name=str(node), value=_line(client, node, texts[node], sizes[node]))
        for node in client.map.primaries
    )
    return (wire.Section(id="primaries", title="Primaries", fields=fields),)


def _line(
    client: cluster.Client, node: address.Node, text: connection.Reply, size: connection.Reply
) -> str:
    """Slots, keys, memory and clients, as far as this login is told."""
    said = [f"{client.map.count(node):,} slots"]
    if isinstance(size, int):
        said.append(f"{size:,} keys")
    if isinstance(text, bytes):
        facts = info.parse(text)
        limit = int(info.number(facts, "maxmemory"))
        most = f" of {facts.get('maxmemory_human', limit)}" if limit else ""
        said.append(f"{facts.get('used_memory_human', '?')}{most}")
        said.append(f"{facts.get('connected_clients', '?')} clients")
        said.append(f"{facts.get('connected_slaves', '0')} replicas")
    return ", ".join(said)
