// SPDX-License-Identifier: Apache-2.0
#include "CWire.h"

#include <stdlib.h>

// What malloc spends on a block beside its contents.
static const size_t block_overhead = 16;

// Counts what was ever asked for: free() does not say how much it gives back, and decoding frees next to nothing.
static void *budgeted_alloc(void *data, size_t size) {
  size_t *left = data;
  if (size > *left || *left - size < block_overhead) return NULL;
  *left -= size + block_overhead;
  return malloc(size);
}

static void budgeted_free(void *data, void *block) {
  (void)data;
  free(block);
}

Prometheus__WriteRequest *cwire_unpack_write_request(const uint8_t *bytes, size_t count, size_t budget) {
  ProtobufCAllocator allocator = {budgeted_alloc, budgeted_free, &budget};
  return prometheus__write_request__unpack(&allocator, count, bytes);
}

void cwire_free_write_request(Prometheus__WriteRequest *request) {
  prometheus__write_request__free_unpacked(request, NULL);
}

Logproto__PushRequest *cwire_unpack_push_request(const uint8_t *bytes, size_t count, size_t budget) {
  ProtobufCAllocator allocator = {budgeted_alloc, budgeted_free, &budget};
  return logproto__push_request__unpack(&allocator, count, bytes);
}

void cwire_free_push_request(Logproto__PushRequest *request) {
  logproto__push_request__free_unpacked(request, NULL);
}
