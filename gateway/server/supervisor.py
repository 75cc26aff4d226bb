"""Supervisor of worker processes: starts, watches, replaces and stops them.

It imports little, since worker processes import it before they can report that they live.
"""

import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

import uvicorn

from gateway.server.draining_server import SHUTDOWN_SECONDS, DrainingServer
from gateway.server.listening_socket import bind_address, format_address

log = logging.getLogger("uvicorn.error")
CHECK_INTERVAL_SECONDS = 0.2
STOP_GRACE_SECONDS = 2
"""Seconds that a worker gets after its drain and shutdown before it is killed."""
MAX_RESTART_DELAY_SECONDS = 30
MIN_STARTUP_SECONDS = 60
"""Seconds that a worker may be silent at its start in addition, for the sake of busy machines."""
STARTUP_FAILURE_STATUS = 3
"""Exit status of a server that could not start (uvicorn's convention)."""
_START_METHOD = multiprocessing.get_context("spawn")


def run_worker(
    options: Mapping[str, Any],
    listening_socket: socket.socket,
    drain_seconds: float,
    heartbeat: Connection,
) -> None:
    """Serve in a worker process until it is stopped or its supervisor is gone."""

    def report_alive() -> bool:
        try:
            heartbeat.send_bytes(b"alive")
        except OSError:
            return False
        return True

    server = DrainingServer(uvicorn.Config(**options), drain_seconds, report_alive)
    server.run(sockets=[listening_socket])


@dataclass(eq=False)
class Worker:
    """A worker process and its heartbeat."""

    process: BaseProcess
    heartbeat: Connection
    heard_at: float
    """Time of its start, or of its last heartbeat."""
    is_ready: bool = False
    """Whether it has served."""

    def receive_heartbeats(self, now: float) -> None:
        """Take the heartbeats that have arrived."""
        try:
            while self.heartbeat.poll():
                self.heartbeat.recv_bytes()
                self.heard_at, self.is_ready = now, True
        except (EOFError, OSError):
            pass  # it has ended


@dataclass(eq=False)
class Supervisor:
    """Supervisor of `worker_count` processes that serve one listening socket.

    A worker's event loop sends a heartbeat every second:

        start ---> STARTING --- first heartbeat ---> READY --- stop ---> STOPPING ---> ended
                      |                                |                    |
                      |  no heartbeat for              |                    | still running after
                      |  `worker_seconds`, and         |                    | the grace: killed
                      |  MIN_STARTUP_SECONDS more      |                    |
                      |  at its start: killed          |                    |
                      v                                v                    v
                   ended -----------------------------ended: replaced, unless the supervisor stops

    Time that the supervisor itself did not run, such as a suspended machine, does not count
    as silence. A worker that ends is replaced at once the first time, then after a delay that
    doubles up to MAX_RESTART_DELAY_SECONDS, until one is ready. If no worker was ever ready
    and one fails to start, the supervisor stops with its status.

    SIGTERM and SIGINT stop all workers, also while SIGHUP replaces them, which it does one after
    the other, without a gap. SIGHUP that comes meanwhile replaces them once more.
    """

    options: Mapping[str, Any]
    """Arguments of `uvicorn.Config`."""
    worker_count: int
    worker_seconds: float
    drain_seconds: float
    _workers: list[Worker] = field(default_factory=list)
    _stop_signal_count: int = 0
    _must_restart: bool = False
    """Whether SIGHUP has come since the last restart began."""
    _restart_delay: float = 0
    _restart_at: float = 0
    _was_ready: bool = False
    _exit_status: int | None = None

    def run_workers(self) -> int:
        """Run the workers until a signal comes; return the exit status."""
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, self._note_signal)
        uvicorn.Config(**self.options)  # it configures the logging
        listening_socket = bind_address(self.options["host"], self.options["port"])
        checked_at = time.monotonic()
        while self._exit_status is None:
            now = time.monotonic()
            self._check_workers(now, paused_seconds=now - checked_at - CHECK_INTERVAL_SECONDS)
            self._start_missing(listening_socket, now)
            checked_at = now
            self._handle_signals(listening_socket)
            if self._exit_status is None:
                time.sleep(CHECK_INTERVAL_SECONDS)
        listening_socket.close()
        self._stop_workers(self._workers)
        return self._exit_status

    def _note_signal(self, signal_number: int, _frame: FrameType | None) -> None:
        if signal_number == signal.SIGHUP:
            self._must_restart = True
        else:
            self._stop_signal_count += 1

    def _handle_signals(self, listening_socket: socket.socket) -> None:
        if self._stop_signal_count:
            self._exit_status = self._exit_status or 0
        elif self._must_restart:
            self._must_restart = False
            self._replace_workers(listening_socket)

    def _start_worker(self, listening_socket: socket.socket) -> Worker:
        reader, writer = _START_METHOD.Pipe(duplex=False)
        process = _START_METHOD.Process(
            target=run_worker,
            args=(self.options, listening_socket, self.drain_seconds, writer),
        )
        process.start()
        writer.close()
        return Worker(process, reader, time.monotonic())

    def _start_missing(self, listening_socket: socket.socket, now: float) -> None:
        if self._exit_status is None and now >= self._restart_at:
            while len(self._workers) < self.worker_count:
                self._workers.append(self._start_worker(listening_socket))

    def _check_workers(self, now: float, paused_seconds: float) -> None:
        """Kill silent workers, and drop those that have ended."""
        for worker in [*self._workers]:
            worker.heard_at += max(paused_seconds, 0)
            worker.receive_heartbeats(now)
            if worker.is_ready:
                self._note_ready()
            limit_seconds = self._find_limit(worker)
            if worker.process.is_alive() and now - worker.heard_at > limit_seconds:
                log.error(
                    "Worker %s has not responded for %s seconds and is killed.",
                    worker.process.pid,
                    limit_seconds,
                )
                worker.process.kill()
                worker.process.join()
            if not worker.process.is_alive():
                self._drop_worker(worker, now)

    def _note_ready(self) -> None:
        """Note that a worker is ready; the first one is the first that listens."""
        if not self._was_ready:
            address = format_address(self.options["host"], self.options["port"])
            log.info("Uvicorn running on %s (Press CTRL+C to quit)", address)
        self._was_ready, self._restart_delay = True, 0

    def _find_limit(self, worker: Worker) -> float:
        """Return the seconds that a worker may be silent."""
        return self.worker_seconds + (0 if worker.is_ready else MIN_STARTUP_SECONDS)

    def _drop_worker(self, worker: Worker, now: float) -> None:
        """Forget a worker that has ended, and decide when it is replaced."""
        self._workers.remove(worker)
        worker.heartbeat.close()
        exit_status = worker.process.exitcode
        if not self._was_ready and exit_status is not None and exit_status > 0:
            log.error("Worker %s could not start; the server stops.", worker.process.pid)
            self._exit_status = exit_status
            return
        log.warning(
            "Worker %s has ended with status %s and is replaced%s.",
            worker.process.pid,
            exit_status,
            f" in {self._restart_delay} seconds" if self._restart_delay else "",
        )
        self._restart_at = now + self._restart_delay
        self._restart_delay = min(max(1, 2 * self._restart_delay), MAX_RESTART_DELAY_SECONDS)

    def _replace_workers(self, listening_socket: socket.socket) -> None:
        """Replace each worker; the old one stops when the new one is ready."""
        for worker in [*self._workers]:
            new_worker = self._start_worker(listening_socket)
            is_ready = self._wait_ready(new_worker)
            if self._stop_signal_count:
                self._workers.append(new_worker)  # it stops with the others
                return
            if not is_ready:
                log.error("Worker %s was not ready; the restart ends.", new_worker.process.pid)
                self._stop_workers([new_worker])
                return
            self._workers[self._workers.index(worker)] = new_worker
            self._stop_workers([worker])

    def _wait_ready(self, worker: Worker) -> bool:
        """Wait until a worker is ready; False if it ends, is too slow, or is to stop."""
        deadline = time.monotonic() + self._find_limit(worker)
        while not worker.is_ready:
            worker.receive_heartbeats(now := time.monotonic())
            if not worker.process.is_alive() or now > deadline or self._stop_signal_count:
                return False
            time.sleep(CHECK_INTERVAL_SECONDS)
        return True

    def _stop_workers(self, workers: list[Worker]) -> None:
        """Stop workers, and kill those that are too slow.

        If a signal to stop comes meanwhile, these stop at once, and all others, too.
        """
        signal_count, deadline = self._stop_signal_count, self._terminate_workers(workers)
        while time.monotonic() < deadline and any(each.process.is_alive() for each in workers):
            if self._stop_signal_count > signal_count:
                signal_count, workers = self._stop_signal_count, [*{*workers, *self._workers}]
                deadline = self._terminate_workers(workers)
            time.sleep(CHECK_INTERVAL_SECONDS)
        for worker in workers:
            if worker.process.is_alive():
                log.error("Worker %s did not stop and is killed.", worker.process.pid)
                worker.process.kill()
            worker.process.join()
            worker.heartbeat.close()

    def _terminate_workers(self, workers: list[Worker]) -> float:
        """Send SIGTERM to workers; return the time at which they must have ended."""
        for worker in workers:
            worker.process.terminate()
        return time.monotonic() + self.drain_seconds + SHUTDOWN_SECONDS + STOP_GRACE_SECONDS
