"""Finding verbs, flags and help; streaming; what a result carries."""

import asyncio

import pytest

from kube_nb.etcd.backend import DeleteRangeResult, RangeResult
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.store import Store
from kube_nb.etcdctl import command
from kube_nb.etcdctl.result import Exit, Result
from kube_nb.machinery.loop import ClusterLoop


def backend() -> LocalBackend:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return LocalBackend(Store(), loop)


async def etcdctl(store: LocalBackend, line: str, stdin: str = "") -> Result:
    return await command.run(line.split(), store, stdin=stdin)


async def test_global_flags_may_stand_anywhere() -> None:
    store = backend()
    await store.put(b"a", b"1")
    for line in ("-w fields get a", "--write-out=fields get a", "get -w fields a", "get a --write-out fields"):
        assert '"Key" : "a"' in (await etcdctl(store, line)).text
    assert (await etcdctl(store, "--endpoints x:1,y:2 endpoint --hex health")).stderr.startswith("x:1 is healthy")


@pytest.mark.parametrize(
    ("line", "stderr"),
    [
        pytest.param("get a --nope", "Error: unknown flag: --nope\n", id="of a verb"),
        pytest.param("lease grant -q", "Error: unknown shorthand flag: 'q' in -q\n", id="shorthand"),
        pytest.param(
            "get a --limit x",
            'Error: invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax\n',
            id="bad value",
        ),
    ],
)
async def test_an_unknown_flag_shows_the_usage_and_the_error_twice(line: str, stderr: str) -> None:
    result = await etcdctl(backend(), line)
    assert result.stderr == stderr + stderr
    assert result.text.startswith("NAME:\n\t")
    assert result.exit_code == Exit.ERROR


async def test_help_names_every_verb_with_tabs_as_etcdctl_does() -> None:
    text = (await etcdctl(backend(), "")).text
    assert text.startswith("NAME:\n\tetcdctl - A simple command line client for etcd3.\n\nUSAGE:\n\tetcdctl [flags]\n")
    assert "\tget\t\t\tGets the key or a range of keys\n" in text
    assert "\tlease keep-alive\tKeeps leases alive (renew)\n" in text
    assert text == (await etcdctl(backend(), "--help")).text == (await etcdctl(backend(), "help")).text


async def test_help_of_a_verb_lists_its_flags() -> None:
    text = (await etcdctl(backend(), "get --help")).text
    assert text.startswith(
        "NAME:\n\tget - Gets the key or a range of keys\n\n"
        "USAGE:\n\tetcdctl get [options] <key> [range_end] [flags]\n\nOPTIONS:\n"
        '      --consistency="l"\t\t\tLinearizable(l) or Serializable(s)\n'
    )
    assert '  -w, --write-out="simple"\t\t\tset the output format (fields, json, protobuf, simple, table)\n\n' in text
    assert (await etcdctl(backend(), "help get")).text == text


async def test_help_of_a_group_lists_its_verbs() -> None:
    text = (await etcdctl(backend(), "lease")).text
    assert "COMMANDS:\n\tgrant\t\tCreates leases\n\tkeep-alive\tKeeps leases alive (renew)\n" in text


async def test_a_result_carries_the_responses_and_a_frame() -> None:
    store = backend()
    await store.put(b"/registry/pods/default/web", b'{"kind":"Pod"}')
    result = await etcdctl(store, "get /registry --prefix")
    assert result.responses == [RangeResult(2, (await store.range(b"/registry/pods/default/web")).kvs, 1)]
    assert result.df.to_dict("records") == [
        {
            "key": "/registry/pods/default/web",
            "value": '{"kind":"Pod"}',
            "create_revision": 2,
            "mod_revision": 2,
            "version": 1,
            "lease": 0,
        }
    ]
    deleted = await etcdctl(store, "del / --prefix")
    assert isinstance(deleted.responses[0], DeleteRangeResult)


async def test_pretty_indents_values_that_are_objects() -> None:
    store = backend()
    await store.put(b"a", b'{"kind":"Pod","n":[1]}')
    await store.put(b"b", b"{not json")
    result = await etcdctl(store, "get --from-key a --pretty")
    assert result.text == 'a\n{\n  "kind": "Pod",\n  "n": [\n    1\n  ]\n}\nb\n{not json\n'


async def test_a_watch_streams_until_it_is_closed() -> None:
    store = backend()
    result = Result()
    pieces = command.stream(["watch", "--prefix", "/registry/"], store, result=result)
    first = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(5)
    await store.put(b"/registry/a", b"1")
    assert await first == "PUT\n/registry/a\n1\n"
    await store.delete_range(b"/registry/a")
    assert await anext(pieces) == "DELETE\n/registry/a\n\n"
    await pieces.aclose()  # type: ignore[attr-defined]  # an async generator behind the iterator's type
    assert result.text == "PUT\n/registry/a\n1\nDELETE\n/registry/a\n\n"
    assert len(result.responses) == 2
    assert len(store.store.audience) == 0


async def test_an_interactive_watch_starts_one_for_each_line() -> None:
    store = backend()
    await store.put(b"a", b"1")
    await store.put(b"b", b"2")
    running = command.stream(["watch", "-i"], store, stdin="watch a --rev=1\nfly\nwatch b --rev 1 --prev-kv\n")
    assert [await anext(running) for _ in range(3)] == [
        "Invalid command fly (only support watch)\n",
        "PUT\na\n1\n",
        "PUT\nb\n2\n",
    ]
    await running.aclose()  # type: ignore[attr-defined]  # an async generator behind the iterator's type


async def test_keep_alive_renews_at_every_third_of_the_ttl() -> None:
    store = backend()
    await store.lease_grant(30, 0x55)
    running = command.stream(["lease", "keep-alive", "55"], store)
    for at in (0, 10, 20, 30, 40):
        assert await anext(running) == "lease 0000000000000055 keepalived with TTL(30)\n"
        assert asyncio.get_running_loop().time() == at
    await store.lease_revoke(0x55)
    assert [piece async for piece in running] == ["lease 0000000000000055 expired or revoked.\n"]


async def test_bytes_that_are_no_text_are_shown_not_choked_on() -> None:
    store = backend()
    await store.put(b"k\xff", b"\x00\xfe\n")
    assert (await etcdctl(store, "get k --prefix")).text == "k�\n\x00�\n\n"
    assert '"Key" : "k\\xff"' in (await etcdctl(store, "get k --prefix -w fields")).text
    assert '"Value" : "\\x00\\xfe\\n"' in (await etcdctl(store, "get k --prefix -w fields")).text
    assert (await etcdctl(store, "get k --prefix --hex")).text == "\\x6b\\xff\n\\x00\\xfe\\x0a\n"


async def test_a_lock_is_held_until_the_command_is_closed() -> None:
    store = backend()
    first = command.stream(["lock", "l"], store)
    key = (await anext(first)).splitlines()[0]
    assert key.startswith("l/")
    second = command.stream(["lock", "l"], store)
    waiting = asyncio.ensure_future(anext(second))
    await asyncio.sleep(100)
    assert not waiting.done()
    await first.aclose()  # type: ignore[attr-defined]  # an async generator behind the iterator's type
    assert (await waiting).startswith("l/")
    await second.aclose()  # type: ignore[attr-defined]  # as above
    assert (await store.range(b"\0", b"\0")).count == 0
    assert await store.leases() == []


async def test_an_election_shows_the_winner_to_all_who_listen() -> None:
    store = backend()
    listener = command.stream(["elect", "e", "-l"], store)
    candidate = command.stream(["elect", "e", "me"], store)
    won = await anext(candidate)
    assert won.endswith("\nme\n")
    assert await anext(listener) == won
    for stream in (candidate, listener):
        await stream.aclose()  # type: ignore[attr-defined]  # as above


async def test_protobuf_is_the_message_of_the_wire() -> None:
    store = backend()
    await store.put(b"k", b"\xff\x00")
    result = await etcdctl(store, "get k -w protobuf")
    message = pb.RangeResponse.FromString(result.text.encode(errors="surrogateescape"))
    assert (message.count, message.kvs[0].value, message.header.revision) == (1, b"\xff\x00", 2)
    assert (await etcdctl(store, "endpoint health -w protobuf")).exit_code == Exit.BAD_FEATURE
