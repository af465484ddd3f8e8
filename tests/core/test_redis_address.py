"""Redis URLs: what each form means, and what is said of a wrong one."""

from __future__ import annotations

import pytest
import redis.asyncio.connection as wire

from mrcore import errors, sources
from mrcore.sources.redis import address

PASSWORD = "s3cr%40t"  # as a URL has it
PLAIN = "s3cr@t"


def test_one_server_is_as_redis_py_reads_it() -> None:
    read = address.parse(f"redis://ravi:{PASSWORD}@r1:6380/3")
    assert (read.way, read.nodes, read.login) == (address.Way.ONE, (), "ravi")
    assert read.options == {
        "host": "r1", "port": 6380, "db": 3, "username": "ravi", "password": PLAIN
    }  # fmt: skip
    assert address.parse("unix:///run/valkey.sock").options["path"] == "/run/valkey.sock"


def test_sentinels_have_a_login_of_their_own() -> None:
    read = address.parse(
        f"redis+sentinel://ravi:{PASSWORD}@s1:26380,s2,[::1]:26381/mail%20queues/2"
        "?sentinel_username=watch&sentinel_password=o%26ther&max_connections=4"
    )
    assert read.way is address.Way.SENTINEL
    assert [str(node) for node in read.nodes] == ["s1:26380", "s2:26379", "[::1]:26381"]
    assert (read.service, read.login) == ("mail queues", "ravi")
    made = read.at(address.Node("p", 7))
    assert made == {
        "host": "p", "port": 7, "db": 2, "username": "ravi", "password": PLAIN,
        "max_connections": 4,
    }  # fmt: skip
    own = read.sentinel_options
    assert (own["username"], own["password"]) == ("watch", "o&ther")
    assert "db" not in own


def test_the_password_of_the_servers_is_never_sent_to_the_sentinels() -> None:
    read = address.parse(f"redis+sentinel://:{PASSWORD}@s1/queues")
    assert "password" not in read.sentinel_options
    assert read.options["password"] == PLAIN


def test_a_cluster_names_some_nodes() -> None:
    read = address.parse(f"redis+cluster://:{PASSWORD}@c1,c2:7001/0")
    assert (read.way, read.login) == (address.Way.CLUSTER, "default")
    assert read.nodes == (("c1", 6379), ("c2", 7001))
    assert read.at(read.nodes[1])["password"] == PLAIN


@pytest.mark.parametrize("way", ["sentinel", "cluster"])
def test_tls_is_for_all_of_them(way: str) -> None:
    read = address.parse(f"rediss+{way}://h:1/{'queues' if way == 'sentinel' else ''}")
    assert read.options["connection_class"] is wire.SSLConnection
    if way == "sentinel":
        assert read.sentinel_options["connection_class"] is wire.SSLConnection


def test_nothing_secret_is_in_what_is_printed() -> None:
    for url in (
        f"redis://:{PASSWORD}@h/0",
        f"redis+sentinel://:{PASSWORD}@h/q?sentinel_password={PASSWORD}",
        f"redis+cluster://:{PASSWORD}@h",
    ):
        assert "s3cr" not in repr(address.parse(url))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://h", "redis+sentinel://host:port,host:port/service"),
        ("redis+sentinels://h/q", "redis+sentinel://host:port,host:port/service"),
        ("redis://h:no/0", "valid ports"),
        ("redis+sentinel://h", "must name the service"),
        ("redis+sentinel://h/q/0/1", "must name the service"),
        ("redis+sentinel://h/q/first", "a database that is no number"),
        ("redis+sentinel:///q", "host:port,host:port"),
        ("redis+cluster://h:1,h:port", "host:port,host:port"),
        ("redis+cluster://h:0", "host:port,host:port"),
        ("redis+cluster://h/1", "only database 0"),
        ("redis+cluster://h?db=x", "valid ports and options"),
    ],
)
async def test_a_wrong_one_is_named_with_what_to_write(url: str, said: str) -> None:
    url = url.replace("://", f"://:{PASSWORD}@", 1)
    with pytest.raises(errors.SettingsError, match=r"in sources\.cache .*: url: ") as caught:
        await sources.examine("cache", {"kind": "redis", "url": url})
    assert said in str(caught.value)
    assert "s3cr" not in str(caught.value)
