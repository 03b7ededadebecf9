// SPDX-License-Identifier: Apache-2.0

// Syntax: the configuration language of Grafana Alloy. `parse` makes a tree of a file, `evaluate` gives a block its
// values in a scope, `BlockDecoder` reads them by hand, a line per attribute, `format` prints a file the one way, and
// `render` shows what is wrong as an excerpt of the source. Nothing here reads files or knows a component.
//
// Whatever a file contains, nothing here crashes or hangs: nesting is bounded by `nestingLimit` and `heightLimit`, and what a function
// of the standard library makes is bounded too.

/// How deep brackets, blocks and documents given to `encoding.from_json` may nest. A level costs
/// some 2 KiB of stack (7 in debug builds), and the smallest of our threads has half a megabyte.
let nestingLimit = 100

/// How high the tree of an expression may be, links of chains such as `a.b.c` and `a + b + c` included.
let heightLimit = 256

/// How much text `+` and the standard library make; beyond it a configuration can only mean harm.
let longestText = 16 << 20

/// How many errors a file's words and statements may have before the rest is not looked at: it is no configuration.
let errorLimit = 100
