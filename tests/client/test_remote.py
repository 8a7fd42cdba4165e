import asyncio

import orjson
import pytest

from kube_nb.client.remote import RemoteSession
from kube_nb.machinery.errors import ApiError, not_found
from kube_nb.machinery.exchange import ERROR, RESIZE, STDERR, STDIN, STDOUT, Session


def exits(code: int) -> bytes:
    if code == 0:
        return orjson.dumps({"metadata": {}, "status": "Success"})
    causes = [{"reason": "ExitCode", "message": str(code)}]
    message = f"command terminated with non-zero exit code: exit status {code}"
    details = {"causes": causes}
    return orjson.dumps({"status": "Failure", "reason": "NonZeroExitCode", "message": message, "details": details})


@pytest.mark.parametrize("code", [0, 7])
async def test_the_status_on_the_error_channel_is_the_exit_code(code):
    async def carry(session: Session) -> None:
        await session.write(STDOUT, b"out")
        await session.write(STDERR, b"err")
        await session.write(ERROR, exits(code))

    async with RemoteSession(carry) as session:
        assert await session.output() == (b"out", b"err")
    assert session.exit_code == code
    assert (session.error is None) == (code == 0)


async def test_input_its_end_and_the_terminals_size_reach_the_command():
    seen: list[tuple[int, bytes]] = []

    async def carry(session: Session) -> None:
        while message := await session.read():
            seen.append(message)

    session = RemoteSession(carry)
    await session.write(b"ls\n")
    await session.resize(80, 24)
    await session.close_stdin()
    await asyncio.sleep(1)
    await session.close()
    assert seen == [(STDIN, b"ls\n"), (RESIZE, b'{"Width":80,"Height":24}'), (STDIN, b"")]


async def test_a_refusal_after_the_start_is_raised_by_the_reader():
    async def carry(session: Session) -> None:
        raise not_found("pods", "web")

    async with RemoteSession(carry) as session:
        with pytest.raises(ApiError, match='pods "web" not found'):
            await session.read()


async def test_closing_ends_a_command_that_does_not_read():
    async def carry(session: Session) -> None:
        await asyncio.Event().wait()

    session = RemoteSession(carry)
    await asyncio.sleep(1)
    await session.close()
    assert await session.read() is None
    assert len(asyncio.all_tasks()) == 1


async def test_text_on_a_ports_error_channel_is_data():
    async def carry(session: Session) -> None:
        await session.write(3, b"connection refused")

    async with RemoteSession(carry) as session:
        assert await session.read() == (3, b"connection refused")
