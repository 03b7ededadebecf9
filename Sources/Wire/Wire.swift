// SPDX-License-Identifier: Apache-2.0

// Wire: what goes over the network, as bytes. Prometheus remote write 1.0 and Loki push, in both directions, and the
// snappy blocks they travel in.
//
// Encoders write the wire format straight into a buffer that is used again, since they see every sample and line.
// Decoding goes through protobuf-c (`CWire`), under a budget, since it sees what strangers send. Finished requests can
// be counted, halved and concatenated without decoding them.
