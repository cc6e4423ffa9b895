"""An application that listens at a port of this machine, in a thread of the tests."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import uvicorn
from starlette.applications import Starlette

from jobs.serve.server import listening_socket, server_config
from jobs.settings.serve import ServeSettings

PATIENCE = 60.0
"""Seconds that it may take to start."""


@contextmanager
def listening(app: Starlette) -> Iterator[str]:
    """Give its address; the block ends when all is answered that was accepted."""
    serve = ServeSettings(port=0)
    server = _PromptServer(server_config(app, serve))
    with listening_socket(serve) as at:
        thread = Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        try:
            server.wait(thread)
            yield f"http://127.0.0.1:{at.getsockname()[1]}"
        finally:
            server.end()
            thread.join()


class _PromptServer(uvicorn.Server):
    """A server that ends at once; its own looks ten times a second whether it is to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._is_up, self._ending = Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def wait(self, thread: Thread) -> None:
        """Wait until it answers."""
        until = time.monotonic() + PATIENCE
        while not self._is_up.wait(0.1):
            assert thread.is_alive(), "it does not start"
            assert time.monotonic() < until

    def end(self) -> None:
        """Let it end."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def main_loop(self) -> None:
        """Run until `end` is called."""
        self._loop = asyncio.get_running_loop()
        await self.on_tick(0)
        self._is_up.set()
        await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Do what its own does, without a wait between two looks."""
        for each in [*self.servers, *(sockets or [])]:
            each.close()
        state = self.server_state
        for connection in [*state.connections]:
            connection.shutdown()
        while state.connections or state.tasks:
            await asyncio.sleep(0.005)
        await self.lifespan.shutdown()
