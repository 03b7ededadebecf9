#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A receiver of Loki pushes that shares no code with the agent: Google's protobuf and snappy decode what arrives.

usage: loki-receiver.py FILE [PORT]

Listens on PORT of the loopback, or a free one, which is the first line of its output, and appends each entry to FILE as a line of
JSON. Bodies that do not decode as the protocol has it are refused with 400.
"""
import http.server
import json
import sys

import snappy
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory


def push_request():
    """The class of logproto.PushRequest, from its field numbers."""
    file = descriptor_pb2.FileDescriptorProto(name="push.proto", package="logproto", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto

    def add(name, *fields):
        kind = file.message_type.add(name=name)
        for number, (name, type_, repeated) in fields:
            entry = kind.field.add(name=name, number=number)
            entry.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            if isinstance(type_, str):
                entry.type, entry.type_name = field.TYPE_MESSAGE, ".logproto." + type_
            else:
                entry.type = type_

    add("Timestamp", (1, ("seconds", field.TYPE_INT64, False)), (2, ("nanos", field.TYPE_INT32, False)))
    add("LabelPair", (1, ("name", field.TYPE_STRING, False)), (2, ("value", field.TYPE_STRING, False)))
    add(
        "Entry",
        (1, ("timestamp", "Timestamp", False)),
        (2, ("line", field.TYPE_STRING, False)),
        (3, ("metadata", "LabelPair", True)),
    )
    add("Stream", (1, ("labels", field.TYPE_STRING, False)), (2, ("entries", "Entry", True)))
    add("PushRequest", (1, ("streams", "Stream", True)))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("logproto.PushRequest"))


PushRequest = push_request()
output = open(sys.argv[1], "a", encoding="utf-8")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, "ready\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            if self.headers["Content-Type"] != "application/x-protobuf":
                raise ValueError("content type " + str(self.headers["Content-Type"]))
            request = PushRequest.FromString(snappy.uncompress(body))
        except (ValueError, message.DecodeError, snappy.UncompressError) as error:
            return self.answer(400, str(error))
        for stream in request.streams:
            for entry in stream.entries:
                time = entry.timestamp.seconds * 1000000000 + entry.timestamp.nanos
                output.write(
                    json.dumps(
                        {
                            "labels": stream.labels,
                            "ts": str(time),
                            "line": entry.line,
                            "metadata": {pair.name: pair.value for pair in entry.metadata},
                        }
                    )
                    + "\n"
                )
        output.flush()
        self.answer(204, "")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Receiver)
print(server.server_address[1], flush=True)
server.serve_forever()
