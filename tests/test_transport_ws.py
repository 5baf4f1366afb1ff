"""Streams over WebSocket through a real server (standards rows W1 to W3): the protocol, the login, the limits."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from graphql_schema import running, transport_ws, ws_messages
from tests.builders import NATIONAL_ID
from tests.house import House
from tests.sockets import PROTOCOL, talking, upgraded
from tests.test_consent import seen, world
from tests.test_presentation import opened, show
from tests.test_streams import EVENTS

MINE = "subscription { accessEvents { action } }"
INIT: dict[str, Any] = {"type": "connection_init"}


async def citizen(house: House) -> str:
    return await house.citizen(NATIONAL_ID)


async def test_the_citizen_sees_the_opening_at_once(house: House, server: str) -> None:
    token, doctor, book = await world(house)
    shown = await show(house, token)

    async with talking(server, token) as talk:
        await talk.subscribe(EVENTS)
        await asyncio.sleep(0.5)
        begun = time.perf_counter()
        await opened(house, doctor, shown["code"])
        event = await talk.hear()
        waited = time.perf_counter() - begun
        await seen(house, doctor, book)
        read = await talk.hear()

    assert (event["id"], event["type"]) == ("1", "next")
    assert event["payload"]["data"]["accessEvents"]["text"].startswith("Bác sĩ Thử (a practitioner), Bệnh viện")
    assert read["payload"]["data"]["accessEvents"]["action"] == "READ"
    assert waited < 5


BEFORE_ACK: list[tuple[list[Any], int]] = [
    (["{"], 4400),
    (["[]"], 4400),
    (["null"], 4400),
    (["[" * 60_000], 4400),
    ([b'{"type": "connection_init"}'], 4400),
    ([{"type": "start"}], 4400),
    ([{"payload": {}}], 4400),
    ([{"type": "connection_init", "payload": []}], 4400),
    ([{"type": "connection_init", "payload": {"authorization": 1}}], 4400),
    ([{"type": "connection_init", "payload": {"authorization": "Bearer \n"}}], 4400),
    ([{"type": "subscribe", "id": "1", "payload": {"query": MINE}}], 4401),
    ([INIT], 4403),
    ([{**INIT, "payload": {"authorization": "Bearer " + "x" * 64}}], 4403),
    ([{**INIT, "payload": {"Authorization": "Basic eA=="}}], 4403),
]
"""What closes a connection before it is acknowledged, and how (rows W1, W2)."""


@pytest.mark.parametrize(("said", "code"), BEFORE_ACK)
async def test_what_is_no_introduction_closes_the_connection(
    house: House, server: str, said: list[Any], code: int
) -> None:
    """Row W1."""
    async with upgraded(server) as talk:
        for one in said:
            await talk.socket.send(one if isinstance(one, str | bytes) else json.dumps(one))

        assert await talk.code() == code


SUBSCRIBE = {"type": "subscribe", "id": "1", "payload": {"query": MINE}}
AFTER_ACK: list[tuple[list[Any], int]] = [
    ([INIT], 4429),
    ([SUBSCRIBE, SUBSCRIBE], 4409),
    ([{**SUBSCRIBE, "id": ""}], 4400),
    ([{**SUBSCRIBE, "id": 1}], 4400),
    ([{**SUBSCRIBE, "id": "x" * (ws_messages.LONGEST_ID + 1)}], 4400),
    ([{"type": "subscribe", "id": "1"}], 4400),
    ([{**SUBSCRIBE, "payload": "{}"}], 4400),
    ([{"type": "complete"}], 4400),
    ([{"type": "next", "id": "1", "payload": {}}], 4400),
    ([{**SUBSCRIBE, "padding": "x" * ws_messages.LARGEST_MESSAGE}], 4400),
    ([{"type": "pong"}] * int(ws_messages.BURST + 30), 1008),
]
"""What closes a connection that was acknowledged (rows W1, W3)."""


@pytest.mark.parametrize(("said", "code"), AFTER_ACK)
async def test_what_is_against_the_protocol_closes_the_connection(
    house: House, server: str, said: list[Any], code: int
) -> None:
    """Row W1."""
    async with talking(server, await citizen(house)) as talk:
        for one in said:
            await talk.socket.send(json.dumps(one))

        assert await talk.code() == code


async def test_a_message_that_is_no_text_and_one_beyond_all_measure_close_it_by_the_rules_of_websockets(
    house: House, server: str
) -> None:
    async with upgraded(server) as talk:
        await talk.socket.send(b"\xff\xfe", text=True)
        not_utf8 = await talk.code()
    async with upgraded(server) as talk:
        await talk.socket.send("x" * 300_000)
        too_big = await talk.code()

    assert (not_utf8, too_big) == (1007, 1009)


@pytest.mark.parametrize("protocols", [("graphql-ws",), (), ("graphql-transport-ws-2",)])
async def test_the_legacy_subprotocol_is_not_spoken(house: House, server: str, protocols: tuple[str, ...]) -> None:
    """Row W1."""
    async with upgraded(server, protocols=protocols) as talk:
        assert talk.socket.subprotocol is None
        assert await talk.code() == 4406


async def test_nothing_is_compressed(house: House, server: str) -> None:
    async with upgraded(server, protocols=("graphql-ws", PROTOCOL), compression="deflate") as talk:
        assert talk.socket.subprotocol == PROTOCOL
        assert talk.socket.protocol.extensions == []


async def test_who_does_not_say_who_they_are_is_not_waited_for(
    house: House, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row W3: 60 s in the library, 5 s here."""
    assert transport_ws.INIT_WAIT <= 5
    monkeypatch.setattr(transport_ws, "INIT_WAIT", 0.4)

    async with upgraded(server) as silent:
        quiet = await silent.code()
    async with upgraded(server) as chatting:
        for _ in range(3):
            await chatting.say("ping")
        noisy = await chatting.code()

    assert (quiet, noisy) == (4408, 4408)


async def test_who_follows_nothing_and_says_nothing_is_sent_away(
    house: House, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_ws, "IDLE", 0.4)
    token = await citizen(house)

    async with talking(server, token) as idle:
        idle_code = await idle.code()
    async with talking(server, token) as busy:
        await busy.subscribe(MINE)
        await asyncio.sleep(1.2)
        await busy.say("ping")
        answer = await busy.hear()

    assert idle_code == 1000
    assert answer == {"type": "pong"}


FOREIGN = ["https://evil.example", "null", "http://127.0.0.1:8000.evil.example", "https://127.0.0.1:8000"]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_a_foreign_site_opens_no_socket_and_follows_no_events(
    house: House, server: str, origin: str
) -> None:
    """Row W3. The cookie that a hijacked socket would need does not exist either: a token is never sent by itself."""
    with pytest.raises(InvalidStatus) as refused:
        async with upgraded(server, origin=origin):
            pass
    sse = await house.http.post(
        "/graphql", json={"query": MINE}, headers={"Accept": "text/event-stream", "Origin": origin}
    )

    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body or b"")["code"] == "FORBIDDEN"
    assert sse.status_code == 403


async def test_our_own_page_and_an_app_open_one(house: House, server: str) -> None:
    async with upgraded(server, origin="http://127.0.0.1:8000") as own, upgraded(server) as app:
        assert own.socket.subprotocol == app.socket.subprotocol == PROTOCOL


async def test_an_app_may_say_by_header_who_it_is_but_not_twice(house: House, server: str) -> None:
    headers = {"Authorization": f"Bearer {await citizen(house)}", "Accept-Language": "vi"}

    async with upgraded(server, headers=headers) as once:
        await once.socket.send(json.dumps({**INIT, "payload": {"accept-language": "en"}}))
        acknowledged = await once.hear()
        await once.subscribe("{ me { kind } }")
        refused = await once.hear()
    async with upgraded(server, headers=headers) as twice:
        await twice.socket.send(json.dumps({**INIT, "payload": {"Authorization": headers["Authorization"]}}))
        code = await twice.code()

    assert acknowledged["type"] == "connection_ack"
    assert refused["payload"][0]["message"].startswith("Only subscriptions")
    assert code == 4403


async def test_a_token_in_the_address_is_nobodys(house: House, server: str) -> None:
    """Rows W2, A7."""
    async with upgraded(server, path=f"/graphql?access_token={await citizen(house)}") as talk:
        await talk.say("connection_init")
        assert await talk.code() == 4403


async def test_an_id_is_free_again_once_it_is_complete(house: House, server: str) -> None:
    async with talking(server, await citizen(house)) as talk:
        for _ in range(3):
            await talk.subscribe(MINE)
            await talk.say("complete", id="1")
        await talk.say("complete", id="never begun")
        await talk.subscribe("{ me { kind } }")
        refused = await talk.hear()
        await talk.subscribe("{ me { kind } }")
        again = await talk.hear()

    assert (refused["type"], again["type"]) == ("error", "error")


async def test_what_is_complete_is_not_heard_of_again_and_the_rest_goes_on(house: House, server: str) -> None:
    token, doctor, book = await world(house)

    async with talking(server, token) as talk:
        await talk.subscribe(MINE, "left")
        await talk.subscribe(MINE, "kept")
        await asyncio.sleep(0.5)
        await talk.say("complete", id="left")
        await talk.say("ping")
        while (await talk.hear())["type"] != "pong":  # lines of the log that told of the beginning
            pass
        await seen(house, doctor, book)
        event = await talk.hear()

    assert event["id"] == "kept"


async def test_one_connection_follows_no_more_than_eight_things(house: House, server: str) -> None:
    """Row W3."""
    async with talking(server, await citizen(house)) as talk:
        for number in range(transport_ws.MOST_AT_ONCE + 1):
            await talk.subscribe("subscription { bookChanged { time } }", str(number))
        refused = await talk.hear()
        await asyncio.sleep(1)  # the driver warns of a connection whose making is interrupted

    assert (refused["id"], refused["type"]) == (str(transport_ws.MOST_AT_ONCE), "error")
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_one_person_follows_on_no_more_than_eight_connections_of_whatever_kind(house: House, server: str) -> None:
    token, other = await citizen(house), await house.citizen("999185900009", "Lê Thị Lạ")
    payload = {"authorization": f"Bearer {token}"}

    async with asyncio.TaskGroup() as group, talking(server, other):
        held = asyncio.Event()

        async def hold() -> None:
            async with talking(server, token):
                held.set()
                await asyncio.sleep(2.2)

        for _ in range(running.MOST_OF_ONE):
            group.create_task(hold())
        await held.wait()
        await asyncio.sleep(1)
        async with upgraded(server) as ninth:
            await ninth.say("connection_init", payload=payload)
            code = await ninth.code()
        sse = await house.http.post(
            "/graphql",
            json={"query": MINE},
            headers={"Accept": "text/event-stream", "Authorization": payload["authorization"]},
        )
        async with talking(server, other):
            pass

    assert code == 1013
    assert (sse.status_code, sse.json()["code"]) == (429, "RATE_LIMITED")
    async with talking(server, token):  # the places are free again
        pass
