#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A link called tailscale0 between the network namespaces of two processes, with the packets carried here, and ways to
reach this host from them.

usage: tailnet.py FAULTS AGENT_PID AGENT_ADDRESS HUB_PID HUB_ADDRESS HUB_PORT TARGET_PORT

In the hub's namespace HUB_ADDRESS:80 leads to this host's HUB_PORT; in the agent's, 127.0.0.1:80 to TARGET_PORT; the first
line of the output is a port of this host's that leads to 127.0.0.1:81 in the agent's. FAULTS is a file of words like
`delay=100 jitter=20 loss=5 down=1` (milliseconds, per cent), looked at again all the time.
"""
import ctypes
import fcntl
import heapq
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

faults_file, agent, agent_address, hub, hub_address, hub_port, target_port = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
here = os.open("/proc/self/ns/net", os.O_RDONLY)
faults = {"delay": 0.0, "jitter": 0.0, "loss": 0.0, "down": 0.0}


def within(namespace, action):
    """What `action` returns when this thread is in a process's network namespace; sockets stay where they were made."""
    there = here if namespace is None else os.open(f"/proc/{namespace}/ns/net", os.O_RDONLY)
    if libc.setns(there, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    try:
        return action()
    finally:
        libc.setns(here, 0x40000000)


def end(address):
    """A tun device with that address, for the namespace this thread is in."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"tailscale0", 0x0001 | 0x1000))
    for command in ("ip link set lo up", "ip link set tailscale0 mtu 1280 up", f"ip addr add {address}/10 dev tailscale0"):
        subprocess.check_call(command.split())
    return device


waiting, count, arrived = [], 0, threading.Condition()


def take(source, destination):
    global count
    while True:
        packet = os.read(source, 65536)
        if faults["down"] or random.random() * 100 < faults["loss"]:
            continue
        at = time.monotonic() + max(0.0, faults["delay"] + random.uniform(-1, 1) * faults["jitter"]) / 1000
        with arrived:
            count += 1
            heapq.heappush(waiting, (at, count, destination, packet))
            arrived.notify()


def give():
    while True:
        with arrived:
            while not waiting:
                arrived.wait()
            left = waiting[0][0] - time.monotonic()
            if left > 0:
                arrived.wait(left)
                continue
            _, _, destination, packet = heapq.heappop(waiting)
        try:
            os.write(destination, packet)
        except OSError:
            pass


def carry(source, destination):
    """Bytes one way; the end of one side, and its reset, is that of the other."""
    try:
        while data := source.recv(65536):
            destination.sendall(data)
        destination.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, destination):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def relay(namespace, address, to_namespace, to_port):
    listener = within(namespace, lambda: socket.create_server(address, backlog=64))

    def serve():
        while True:
            client, _ = listener.accept()
            try:
                server = within(to_namespace, lambda: socket.create_connection(("127.0.0.1", to_port), timeout=5))
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


left, right = within(agent, lambda: end(agent_address)), within(hub, lambda: end(hub_address))
for work in ((take, left, right), (take, right, left), (give,)):
    threading.Thread(target=work[0], args=work[1:], daemon=True).start()
relay(hub, (hub_address, 80), None, int(hub_port))
relay(agent, ("127.0.0.1", 80), None, int(target_port))
print(relay(None, ("127.0.0.1", 0), agent, 81), flush=True)
while True:
    try:
        words = dict(word.split("=") for word in open(faults_file).read().split())
    except (OSError, ValueError):
        words = {}
    for name in faults:
        faults[name] = float(words.get(name, 0))
    time.sleep(0.01)
