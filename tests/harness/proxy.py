"""A network that fails on demand, between a test and its PostgreSQL.

`async with Proxy(url) as proxy:` listens on loopback and forwards to the server of `url`, whose socket may be a Unix
one; `proxy.url` leads through it. It can cut what is connected, refuse what wants to connect, swallow everything, slow
everything down, leave connections half open, and lose one message: on its way there, or the reply to it after the
server has done its work.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict

CHUNK = 65_536
READY_FOR_QUERY = ord("Z")
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Loss(Enum):
    """What becomes of a message and of its connection."""

    REQUEST = "the server never sees it"
    REPLY = "the server does it, and nobody hears of it"


@dataclass
class _Trap:
    """Waits for a message that holds `marker`; springs once."""

    marker: bytes
    loss: Loss
    sprung: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """One way to one server. Everything about it happens in the event loop of its test."""

    def __init__(self, url: str) -> None:
        self._target = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
        self._listener: asyncio.Server | None = None
        self._port = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay_seconds = 0.0
        self._traps: list[_Trap] = []
        self._arriving: set[asyncio.Task[_Streams]] = set()
        self._lines: set[_Line] = set()

    async def __aenter__(self) -> Proxy:
        await self.restore()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy. Without encryption, so that messages can be read."""
        user = quote(self._target.get("user", "postgres"), safe="")
        password = f":{quote(self._target['password'], safe='')}" if "password" in self._target else ""
        database = quote(self._target.get("dbname", ""), safe="")
        plain = urlencode({"sslmode": "disable", "gssencmode": "disable"})
        return f"postgresql://{user}{password}@127.0.0.1:{self._port}/{database}?{plain}"

    @property
    def connections(self) -> int:
        return len(self._lines)

    def cut(self) -> None:
        """Breaks every connection; new ones are welcome."""
        for line in list(self._lines):
            line.abort()

    async def refuse(self) -> None:
        """Breaks every connection and refuses new ones, as a server that is down does."""
        if self._listener is not None:
            await _close(self._listener)
            self._listener = None
        while self._arriving or self._lines:
            for arrival in self._arriving:
                arrival.cancel()
            self.cut()
            await asyncio.sleep(0)

    def half_open(self) -> None:
        """The server's ends are gone, and nobody tells the clients, who wait for answers that cannot come."""
        for line in list(self._lines):
            line.forget_server()

    def lead_to(self, url: str) -> None:
        """From now on new connections go to another server, as after a failover."""
        self._target = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}

    async def restore(self) -> None:
        """Everything works again, at the same address. What was half open is broken: now the clients hear of it."""
        self._flowing.set()
        self._delay_seconds = 0
        self._traps.clear()
        for line in list(self._lines):
            if line.half_open:
                line.abort()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
            self._port = self._listener.sockets[0].getsockname()[1]

    def swallow(self) -> None:
        """From now on nothing comes through, and nobody is told: a black hole."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """From now on each piece of a reply takes that much longer."""
        self._delay_seconds = seconds

    def lose(self, loss: Loss, marker: bytes) -> asyncio.Event:
        """Breaks the connection over the next message that holds `marker`; the event says that it has happened."""
        trap = _Trap(marker, loss)
        self._traps.append(trap)
        return trap.sprung

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrival = asyncio.create_task(self._connect())
        self._arriving.add(arrival)
        try:
            server_reader, server_writer = await arrival
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
            return
        finally:
            self._arriving.discard(arrival)
        line = _Line(writer, server_writer)
        self._lines.add(line)
        line.pumps = [
            asyncio.create_task(self._pump_requests(line, reader, server_writer)),
            asyncio.create_task(self._pump_replies(line, server_reader, writer)),
        ]
        try:
            await asyncio.wait(line.pumps, return_when=asyncio.FIRST_COMPLETED)  # one side is gone, so the other goes
        finally:
            line.abort()
            await asyncio.gather(*line.pumps, return_exceptions=True)
            self._lines.discard(line)

    async def _connect(self) -> _Streams:
        host, port = self._target.get("host", "localhost"), self._target.get("port", "5432")
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    async def _pump_requests(self, line: _Line, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flowing.wait()
            if line.half_open:
                continue
            trap = next((trap for trap in self._traps if trap.marker in data), None)
            if trap is not None:
                self._traps.remove(trap)
                if trap.loss is Loss.REQUEST:
                    line.abort()
                    trap.sprung.set()
                    return
                line.losing = trap
            server.write(data)
            await server.drain()

    async def _pump_replies(self, line: _Line, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flowing.wait()
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)
            if line.losing is None:
                client.write(data)
                await client.drain()
            elif line.reply_is_complete(data):
                line.abort()
                line.losing.sprung.set()
                return
        if line.half_open:
            await asyncio.Event().wait()  # until it is cancelled with its line


class _Line:
    """One connection, from the test through the proxy to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.losing: _Trap | None = None
        self.half_open = False
        self.pumps: list[asyncio.Task[None]] = []
        self._client = client
        self._server = server
        self._lost = bytearray()

    def abort(self) -> None:
        self._client.transport.abort()
        self._server.transport.abort()
        for pump in self.pumps:
            pump.cancel()

    def forget_server(self) -> None:
        self.half_open = True
        self._server.transport.abort()

    def reply_is_complete(self, data: bytes) -> bool:
        """Whether the server has said ReadyForQuery, which it says after the commit."""
        self._lost += data
        while len(self._lost) >= 5:
            kind, length = struct.unpack_from("!BI", self._lost)
            if len(self._lost) < 1 + length:
                return False
            if kind == READY_FOR_QUERY:
                return True
            del self._lost[: 1 + length]
        return False


async def _close(listener: asyncio.Server) -> None:
    """First it accepts no more, for what asyncio has accepted when it closes a server it would leave open for ever."""
    loop = asyncio.get_running_loop()
    for listening in listener.sockets:
        loop.remove_reader(listening.fileno())
    for _ in range(2):  # a turn for each step of an accepted one to its stream
        await asyncio.sleep(0)
    listener.close()
