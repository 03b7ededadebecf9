// SPDX-License-Identifier: Apache-2.0

/// Whether `bytes` are valid UTF-8, as values of labels have to be.
func isUTF8(_ bytes: Span<UInt8>) -> Bool { (try? UTF8Span(validating: bytes)) != nil }
