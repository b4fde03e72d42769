"""A worker and its clients over real sockets: UDP and TCP, limits, and an orderly end.

No test depends on speed: where a held question may have timed out on a busy machine, any answer to it will do.
"""

import asyncio
from collections.abc import Coroutine
from ipaddress import ip_network
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode

from holdfast.base.settings import AccessRule
from holdfast.dns.iana import EDE_PROHIBITED
from holdfast.server.event_loop import DatagramEventLoop
from holdfast.server.settings import TCP_PIPELINED_QUERIES, ServerSettings
from tests.support.engine_world import Message, plain_settings, reply_to, texts
from tests.support.served import Served, framed, read_end, read_message, serving, until


def run(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=DatagramEventLoop) as runner:
        runner.run(story)


def query(name: str, rtype: str = "A", edns: bool = True) -> Message:
    return dns.message.make_query(name, rtype, use_edns=0 if edns else False)


def name_of(answer: Message) -> str:
    return answer.question[0].name.to_text()


def ede_codes(answer: Message) -> list[int]:
    return [option.code for option in answer.options if isinstance(option, dns.edns.EDEOption)]


def test_rfc7766_6_2_1_1_pipelined_queries_are_answered_in_any_order() -> None:
    async def story() -> None:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(framed(query("held.example")) + framed(query("fast.example")))
            assert texts((await read_message(reader)).answer) == ["fast.example. A 192.0.2.80"]
            await until(lambda: bool(served.authority.held))
            served.authority.release()
            assert name_of(await read_message(reader)) == "held.example."
            writer.close()

    run(story())


def test_rfc7766_6_2_3_idle_connections_are_closed_but_none_that_waits_for_an_answer() -> None:
    async def story() -> None:
        async with serving(ServerSettings(tcp_idle_s=0.1)) as served:
            waiting, waiting_writer = await served.connect()
            waiting_writer.write(framed(query("held.example")))
            idle, idle_writer = await served.connect()
            half, half_writer = await served.connect()
            half_writer.write(b"\x00")
            await read_end(idle)
            await read_end(half)
            served.authority.release()
            assert name_of(await read_message(waiting)) == "held.example."
            await read_end(waiting)
            for writer in (waiting_writer, idle_writer, half_writer):
                writer.close()

    run(story())


def test_connections_of_one_client_and_of_all_are_limited() -> None:
    async def story() -> None:
        for settings in (ServerSettings(tcp_connections_per_client=2), ServerSettings(tcp_connections=2)):
            async with serving(settings) as served:
                kept = [await served.connect() for _ in range(2)]
                for reader, writer in kept:
                    writer.write(framed(query("fast.example")))
                    assert (await read_message(reader)).answer
                reader, writer = await served.connect()
                await read_end(reader)
                writer.close()
                kept[0][1].close()
                await kept[0][1].wait_closed()
                await _connects_at_last(served)
                kept[1][1].close()

    run(story())


async def _connects_at_last(served: Served) -> None:
    """A place that became free can be taken, as soon as the server has noticed."""
    for _ in range(1000):
        reader, writer = await served.connect()
        writer.write(framed(query("fast.example")))
        try:
            assert (await read_message(reader)).answer
        except (asyncio.IncompleteReadError, ConnectionError):
            await asyncio.sleep(0.01)
        else:
            return
        finally:
            writer.close()
    raise AssertionError("the place of a closed connection stays taken")


def test_more_than_a_pipeline_of_unanswered_queries_is_not_read() -> None:
    async def story() -> None:
        async with serving() as served:
            reader, writer = await served.connect()
            count = TCP_PIPELINED_QUERIES + 50
            writer.write(b"".join(framed(query(f"held{n}.example")) for n in range(count)))
            await until(lambda: len({*served.authority.asked}) >= TCP_PIPELINED_QUERIES)
            served.authority.holding = False
            served.authority.release()
            names = {name_of(await read_message(reader)) for _ in range(count)}
            assert names == {f"held{n}.example." for n in range(count)}
            writer.close()

    run(story())


def test_answers_too_large_for_udp_are_truncated_and_whole_over_tcp() -> None:
    async def story() -> None:
        async with serving() as served:
            lines = " | ".join(f"192.0.2.{n}" for n in range(1, 61))
            served.authority.answer = lambda asked: reply_to(asked, [f"{asked.question[0].name} 300 A {lines}"])
            short = await served.ask(query("big.example", edns=False))
            assert short.flags & dns.flags.TC
            assert len(short.to_wire()) <= 512
            reader, writer = await served.connect()
            writer.write(framed(query("big.example", edns=False)))
            whole = await read_message(reader)
            assert not whole.flags & dns.flags.TC
            assert len(whole.answer[0]) == 60
            writer.close()

    run(story())


def test_several_listeners_of_both_families() -> None:
    async def story() -> None:
        async with serving(hosts=("127.0.0.1", "127.0.0.2", "::1")) as served:
            for at in range(3):
                assert (await served.ask(query(f"udp{at}.example"), at)).answer
                reader, writer = await served.connect(at)
                writer.write(framed(query(f"tcp{at}.example")))
                assert (await read_message(reader)).answer
                writer.close()

    run(story())


def test_on_stop_what_waits_is_answered_and_nothing_new_is_taken() -> None:
    async def story() -> None:
        async with serving() as served:
            outstanding = asyncio.create_task(served.ask(query("held.example")))
            await until(lambda: bool(served.authority.held))
            served.stop.set()
            await asyncio.sleep(0)
            assert not served.done.done()
            served.authority.release()
            assert name_of(await outstanding) == "held.example."
            async with asyncio.timeout(60):
                await served.done

    run(story())


def test_on_stop_what_cannot_be_answered_is_not_waited_for_forever() -> None:
    async def story() -> None:
        async with serving(ServerSettings(drain_s=0.1)) as served:
            reader, writer = await served.connect()
            writer.write(framed(query("held.example")))
            await until(lambda: bool(served.authority.held))
            served.stop.set()
            async with asyncio.timeout(60):
                await served.done
            writer.close()
            del reader

    run(story())


def test_access_rules_decide_by_the_clients_address() -> None:
    async def story() -> None:
        settings = plain_settings()
        network = ip_network("127.0.0.0/8")
        settings.access_rules = [AccessRule(network.network_address.packed, 8, False)]
        settings.access_rules.append(AccessRule(b"\x00" * 15 + b"\x01", 128, True))
        async with serving(engine_settings=settings, hosts=("127.0.0.1", "::1")) as served:
            refused = await served.ask(query("a.example"), 0)
            assert (refused.rcode(), ede_codes(refused)) == (dns.rcode.REFUSED, [EDE_PROHIBITED])
            assert (await served.ask(query("a.example"), 1)).answer

    run(story())


def test_a_client_over_its_rate_gets_no_answers_over_udp_and_others_do() -> None:
    async def story() -> None:
        settings = plain_settings()
        settings.client_rate_limit_qps = 1
        async with serving(engine_settings=settings, hosts=("127.0.0.1", "::1")) as served:
            asking = [asyncio.create_task(served.ask(query("a.example"), 0)) for _ in range(40)]
            assert (await served.ask(query("a.example"), 1)).answer
            await asyncio.wait(asking, timeout=1)
            assert 1 <= sum(1 for task in asking if task.done()) < 20
            for task in asking:
                task.cancel()

    run(story())


def test_garbage_does_not_disturb_the_next_query() -> None:
    async def story() -> None:
        async with serving() as served:
            answer = await served.ask(b"\x12\x34\x01\x00" + b"\x00\x09" * 4)
            assert (answer.id, answer.rcode()) == (0x1234, dns.rcode.FORMERR)
            assert (await served.ask(query("fast.example"))).answer

    run(story())
