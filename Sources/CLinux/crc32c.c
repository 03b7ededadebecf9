// SPDX-License-Identifier: Apache-2.0
#include "clinux.h"

#include <pthread.h>
#include <string.h>

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void build_table(void) {
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t crc = n;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
    table[0][n] = crc;
  }
  for (int k = 1; k < 8; k++)
    for (int n = 0; n < 256; n++) table[k][n] = (table[k - 1][n] >> 8) ^ table[0][table[k - 1][n] & 0xff];
}

static uint32_t crc_by_table(uint32_t crc, const uint8_t *bytes, size_t length) {
  pthread_once(&table_once, build_table);
  while (length >= 8) {
    uint32_t low = crc ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                          (uint32_t)bytes[3] << 24);
    crc = table[7][low & 0xff] ^ table[6][(low >> 8) & 0xff] ^ table[5][(low >> 16) & 0xff] ^ table[4][low >> 24] ^
          table[3][bytes[4]] ^ table[2][bytes[5]] ^ table[1][bytes[6]] ^ table[0][bytes[7]];
    bytes += 8;
    length -= 8;
  }
  while (length--) crc = (crc >> 8) ^ table[0][(crc ^ *bytes++) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *bytes, size_t length) {
  uint64_t wide = crc;
  while (length >= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    wide = __builtin_ia32_crc32di(wide, word);
    bytes += 8;
    length -= 8;
  }
  crc = (uint32_t)wide;
  while (length--) crc = __builtin_ia32_crc32qi(crc, *bytes++);
  return crc;
}
static int cpu_has_crc(void) { return __builtin_cpu_supports("sse4.2"); }
#else
static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *bytes, size_t length) {
  return crc_by_table(crc, bytes, length);
}
static int cpu_has_crc(void) { return 0; }
#endif

uint32_t clinux_crc32c(uint32_t crc, const void *bytes, size_t length) {
  crc = ~crc;
  crc = cpu_has_crc() ? crc_by_cpu(crc, bytes, length) : crc_by_table(crc, bytes, length);
  return ~crc;
}
