import asyncio
import logging

import pytest

from kube_nb.client import mutation, trigger
from kube_nb.client.informer import InformerFactory
from kube_nb.machinery import labels
from kube_nb.machinery.exchange import Response, WatchEvent
from kube_nb.machinery.gvk import GVR
from tests.client.fakeserver import FakeServer

THINGS = GVR("", "v1", "things")
DEFAULT = "/api/v1/namespaces/default/things"
OTHER = "/api/v1/namespaces/other/things"


def thing(value: int = 0, **labels: str):
    return {"metadata": {"labels": labels}, "spec": {"value": value}}


class Story:
    """What an informer told, as short lines."""

    def __init__(self, informer) -> None:
        self.lines: list[str] = []
        informer.add_handler(
            lambda obj: self.lines.append(f"+{obj['metadata']['name']}={obj['spec']['value']}"),
            lambda old, new: self.lines.append(
                f"{new['metadata']['name']}:{old['spec']['value']}->{new['spec']['value']}"
            ),
            lambda obj: self.lines.append(f"-{obj['metadata']['name']}={obj['spec']['value']}"),
        )


async def started(server: FakeServer, **options):
    factory = InformerFactory(server.client(), detect_mutations=True, **options)
    informer = factory.informer(THINGS)
    story = Story(informer)
    await factory.start()
    await factory.wait_synced()
    return factory, informer, story


async def test_it_tells_what_is_there_and_then_each_change_in_order():
    server = FakeServer()
    server.put(f"{DEFAULT}/a", thing(1))
    factory, informer, story = await started(server)
    server.put(f"{DEFAULT}/a", thing(2))
    server.put(f"{DEFAULT}/b", thing(1))
    server.remove(f"{DEFAULT}/a")
    await asyncio.sleep(1)
    assert story.lines == ["+a=1", "a:1->2", "+b=1", "-a=2"]
    assert [obj["metadata"]["name"] for obj in informer.list()] == ["b"]
    await factory.stop()


async def test_everybody_shares_one_informer_and_one_watch():
    server = FakeServer()
    factory, informer, _ = await started(server)
    assert factory.informer(THINGS) is informer
    assert factory.informer(THINGS, namespace="other") is not informer
    await factory.wait_synced()
    assert server.count("GET", watch=True) == 2
    await factory.stop()


async def test_one_asked_for_after_the_start_starts_at_once():
    server = FakeServer()
    factory = InformerFactory(server.client())
    await factory.start()
    informer = factory.informer(THINGS)
    await informer.wait_synced()
    assert informer.synced
    await factory.stop()


async def test_a_late_handler_is_told_what_is_there_already():
    server = FakeServer()
    server.put(f"{DEFAULT}/a", thing(1))
    factory, informer, _ = await started(server)
    assert Story(informer).lines == ["+a=1"]
    await factory.stop()


async def test_objects_are_found_by_key_namespace_labels_and_index():
    server = FakeServer()
    server.put(f"{DEFAULT}/a", thing(1, app="web"))
    server.put(f"{DEFAULT}/b", thing(2, app="db"))
    server.put(f"{OTHER}/c", thing(1, app="web"))
    factory, informer, _ = await started(server)
    informer.add_index("value", lambda obj: [str(obj["spec"]["value"])])

    def names(objs):
        return [obj["metadata"]["name"] for obj in objs]

    assert informer.get("default", "a") is informer.get_key("default/a")
    assert informer.get("default", "none") is None
    assert names(informer.list("other")) == ["c"]
    assert names(informer.list("default", labels.parse("app=web"))) == ["a"]
    assert names(informer.by_index("value", "1")) == ["a", "c"]
    server.put(f"{DEFAULT}/a", thing(2))
    server.remove(f"{OTHER}/c")
    await asyncio.sleep(1)
    assert (names(informer.by_index("value", "1")), names(informer.by_index("value", "2"))) == ([], ["b", "a"])
    assert informer.index_values("value") == ["2"]
    assert informer.list("other") == []
    await factory.stop()


async def test_a_watch_that_ends_goes_on_where_it_was_without_a_new_list():
    server = FakeServer()
    server.put(f"{DEFAULT}/a", thing(1))
    factory, _, story = await started(server)
    await asyncio.sleep(60)
    server.end_watches()
    server.put(f"{DEFAULT}/a", thing(2))
    await asyncio.sleep(1)
    assert story.lines == ["+a=1", "a:1->2"]
    assert (server.count("GET"), server.count("GET", watch=True)) == (1, 2)
    await factory.stop()


async def test_while_the_server_is_away_it_asks_ever_less_often_and_then_catches_up():
    server = FakeServer()
    server.put(f"{DEFAULT}/a", thing(1))
    factory, _, story = await started(server)
    server.go_down()
    await asyncio.sleep(300)
    server.put(f"{DEFAULT}/a", thing(2))
    server.remove(f"{DEFAULT}/a")
    server.up = True
    await asyncio.sleep(61)
    assert story.lines == ["+a=1", "a:1->2", "-a=2"]
    assert server.count("GET") == 1
    await factory.stop()


async def test_a_server_that_comes_up_late_is_found():
    server = FakeServer()
    server.up = False
    factory = InformerFactory(server.client())
    informer = factory.informer(THINGS)
    await factory.start()
    await asyncio.sleep(5)
    assert not informer.synced
    server.up = True
    await factory.wait_synced()
    assert asyncio.get_running_loop().time() < 12
    await factory.stop()


async def test_when_history_is_gone_a_new_list_tells_what_was_missed():
    server = FakeServer()
    server.put(f"{DEFAULT}/kept", thing(1))
    server.put(f"{DEFAULT}/changed", thing(1))
    server.put(f"{DEFAULT}/lost", thing(1))
    factory, _, story = await started(server)
    server.up = False
    server.end_watches()
    server.put(f"{DEFAULT}/changed", thing(2))
    server.put(f"{DEFAULT}/new", thing(1))
    server.remove(f"{DEFAULT}/lost")
    server.compacted = server.revision
    server.up = True
    await asyncio.sleep(10)
    assert story.lines[3:] == ["changed:1->2", "+new=1", "-lost=1"]
    assert [each.param("resourceVersion") for each in server.requests if not each.param("watch")] == ["0", ""]
    await factory.stop()


async def test_an_error_event_in_the_middle_of_a_watch_leads_to_a_new_list():
    server = FakeServer()
    factory, _, story = await started(server)
    await asyncio.sleep(1)
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    server.put(f"{DEFAULT}/a", thing(1))
    for _, stream in server.streams:
        stream.push(WatchEvent("ERROR", gone))
    await asyncio.sleep(10)
    assert story.lines == ["+a=1"]
    assert server.count("GET") == 2
    await factory.stop()


async def test_bookmarks_move_the_revision_from_which_a_watch_resumes():
    server = FakeServer()
    factory, _, story = await started(server)
    await asyncio.sleep(1)
    server.streams[0][1].push(WatchEvent("BOOKMARK", {"kind": "Thing", "metadata": {"resourceVersion": "41"}}))
    await asyncio.sleep(2)
    server.end_watches()
    await asyncio.sleep(2)
    assert server.requests[-1].param("resourceVersion") == "41"
    assert story.lines == []
    await factory.stop()


async def test_items_without_a_kind_get_their_lists():
    server = FakeServer()
    item = {"metadata": {"name": "a", "namespace": "default", "resourceVersion": "1"}, "spec": {"value": 1}}
    listed = {"kind": "ThingList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [item]}
    server.answer = lambda request: None if request.param("watch") else Response(obj=listed)
    factory, informer, _ = await started(server)
    assert (informer.list()[0]["apiVersion"], informer.list()[0]["kind"]) == ("v1", "Thing")
    assert "kind" not in item
    await factory.stop()


async def test_handlers_see_the_revision_that_they_react_to():
    server = FakeServer()
    factory, informer, _ = await started(server)
    seen = []
    informer.add_handler(
        lambda obj: seen.append(trigger.current.get()), None, lambda obj: seen.append(trigger.current.get())
    )
    server.put(f"{DEFAULT}/a", thing())
    server.remove(f"{DEFAULT}/a")
    await asyncio.sleep(1)
    assert seen == [1, 2]
    await factory.stop()


async def test_a_handler_that_fails_is_logged_and_harms_no_other(caplog):
    server = FakeServer()
    factory, informer, _ = await started(server)
    informer.add_handler(lambda obj: 1 / 0)
    later = Story(informer)
    with caplog.at_level(logging.ERROR):
        server.put(f"{DEFAULT}/a", thing(1))
        await asyncio.sleep(1)
    assert later.lines == ["+a=1"]
    assert "a handler failed" in caplog.text
    await factory.stop()


async def test_a_removed_handler_is_not_told_any_more():
    server = FakeServer()
    factory, informer, _ = await started(server)
    seen = []
    registration = informer.add_handler(seen.append)
    informer.remove_handler(registration)
    server.put(f"{DEFAULT}/a", thing(1))
    await asyncio.sleep(1)
    assert seen == []
    await factory.stop()


async def test_stopping_leaves_no_task_and_the_server_no_watch():
    server = FakeServer()
    factory, _, _ = await started(server)
    await asyncio.sleep(1)
    await factory.stop()
    assert all(stream.closed for _, stream in server.streams)
    assert len(asyncio.all_tasks()) == 1


async def test_the_detector_names_the_field_of_a_cached_object_that_was_changed():
    server = FakeServer()
    server.put(f"{DEFAULT}/a", thing(1))
    factory, informer, _ = await started(server)
    informer.list()[0]["spec"]["value"] = 2
    with pytest.raises(mutation.CacheMutated, match=r"default/a was modified in place: \.spec\.value: 1 -> 2"):
        await factory.stop()


def test_the_detector_is_switched_on_by_upstreams_variable(monkeypatch):
    monkeypatch.setenv("KUBE_CACHE_MUTATION_DETECTOR", "true")
    assert mutation.enabled_by_environment()
