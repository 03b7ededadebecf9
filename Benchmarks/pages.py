# SPDX-License-Identifier: Apache-2.0
"""Targets that cost nearly nothing: every GET is answered with one of four pages of counters, gauges and a histogram.

    pages.py DIRECTORY SERIES

Writes its port to DIRECTORY/target, and how many bytes a page has to DIRECTORY/page-bytes.
"""
import asyncio, random, sys

directory, series = sys.argv[1], int(sys.argv[2])
random.seed(1)


def page():
    lines, count, number = [], 0, 0
    while count < series:
        number += 1
        lines.append(f"# HELP app_requests_{number}_total Requests by path and code.\n# TYPE app_requests_{number}_total counter")
        for path in range(min(10, series - count)):
            lines.append(f'app_requests_{number}_total{{method="GET",path="/api/v1/resource/{path}",code="200"}} {random.getrandbits(30)}')
            count += 1
        for name in ("memory_bytes", "temperature_celsius"):
            if count >= series: break
            lines.append(f"# TYPE app_{name}_{number} gauge\napp_{name}_{number} {random.uniform(0, 1e9):.6g}")
            count += 1
    body = ("\n".join(lines) + "\n").encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n" % len(body) + body


pages = [page() for _ in range(4)]


class Target(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.pending = transport, b""

    def data_received(self, data):
        self.pending += data
        while b"\r\n\r\n" in self.pending:
            _, self.pending = self.pending.split(b"\r\n\r\n", 1)
            self.transport.write(random.choice(pages))


async def main():
    server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", 0, backlog=4096)
    with open(directory + "/page-bytes", "w") as file: file.write(str(len(pages[0])))
    with open(directory + "/target", "w") as file: file.write(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


asyncio.run(main())
