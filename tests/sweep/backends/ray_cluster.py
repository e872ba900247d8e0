"""A Ray cluster of two nodes on this machine, of our own, without touching any other."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

import app

STORE_BYTES = 80_000_000
NODE_BYTES = 4_000_000_000  # what Ray may promise to runs of a node
PATIENCE_S = 60


@contextmanager
def two_nodes() -> Iterator[str]:
    """The address of the cluster."""
    port, folder = _free_port(), Path(f"/tmp/r{os.getpid()}")  # sockets in it: a short name
    head = _start("--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false")
    nodes = [head]
    try:
        nodes.append(_start(f"--address=127.0.0.1:{port}"))
        _wait_for_nodes(f"127.0.0.1:{port}", 2)
        yield f"127.0.0.1:{port}"
    finally:
        _end(nodes)
        shutil.rmtree(folder, ignore_errors=True)


def _start(*options: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "PYTHONPATH": str(Path(app.__file__).parents[1]),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",  # whatever token another Ray has left on this machine
    }
    return subprocess.Popen(
        [
            sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1",
            "--node-ip-address=127.0.0.1", f"--object-store-memory={STORE_BYTES}",
            f"--memory={NODE_BYTES}", *options,
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def _wait_for_nodes(address: str, wanted: int) -> None:
    code = f"""
import time, ray
until = time.monotonic() + {PATIENCE_S}
while True:
    try:
        ray.init("{address}", log_to_driver=False)
        if sum(node["Alive"] for node in ray.nodes()) == {wanted}:
            break
    except ConnectionError:
        pass
    ray.shutdown()
    assert time.monotonic() < until, "the cluster does not come up"
    time.sleep(0.2)
"""
    environment = os.environ | {"RAY_AUTH_MODE": "disabled"}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)


def _end(nodes: list["subprocess.Popen[bytes]"]) -> None:
    found = []
    for node in nodes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += psutil.Process(node.pid).children(recursive=True)
        node.send_signal(signal.SIGTERM)
    for node in nodes:
        try:
            node.wait(timeout=10)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
