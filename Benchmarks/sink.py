# SPDX-License-Identifier: Apache-2.0
"""A hub that costs nearly nothing: reads requests and answers 204, or 503 while the file DIRECTORY/away exists.

    sink.py DIRECTORY

Writes its port to DIRECTORY/port, and the time of the first request it took to DIRECTORY/first.
"""
import os, socketserver, sys, threading, time

directory = sys.argv[1]


class Sink(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            length, line = 0, self.rfile.readline()
            if not line: return
            while line not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"): length = int(line.split(b":")[1])
                line = self.rfile.readline()
            while length > 0: length -= len(self.rfile.read(min(length, 1 << 20)))
            away = os.path.exists(directory + "/away")
            if not away and not os.path.exists(directory + "/first"):
                name = f"{directory}/first.{threading.get_ident()}"
                with open(name, "w") as file: file.write("%.6f\n" % time.time())
                os.rename(name, directory + "/first")
            status = b"503 Away" if away else b"204 No Content"
            self.wfile.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Sink)
with open(directory + "/port", "w") as file: file.write(str(server.server_address[1]))
server.serve_forever()
