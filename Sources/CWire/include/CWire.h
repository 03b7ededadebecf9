// SPDX-License-Identifier: Apache-2.0
// Messages generated from schema/*.proto by protobuf-c, and a decoder that cannot be made to allocate without bound.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "logproto.pb-c.h"
#include "prometheus.pb-c.h"

/// Decodes a WriteRequest, asking the allocator for `budget` bytes at most; NULL when the bytes are not such a
/// message, or would need more. A two-byte empty series costs some hundred bytes decoded, hence the budget.
Prometheus__WriteRequest *cwire_unpack_write_request(const uint8_t *bytes, size_t count, size_t budget);
void cwire_free_write_request(Prometheus__WriteRequest *request);

/// The same for a PushRequest.
Logproto__PushRequest *cwire_unpack_push_request(const uint8_t *bytes, size_t count, size_t budget);
void cwire_free_push_request(Logproto__PushRequest *request);
