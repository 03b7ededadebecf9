// SPDX-License-Identifier: Apache-2.0

// Syntax: the configuration language of Grafana Alloy. `parse` makes a tree of a file, `evaluate` gives a block its
// values in a scope, `BlockDecoder` reads them by hand, a line per attribute, `format` prints a file the one way, and
// `render` shows what is wrong as an excerpt of the source. Nothing here reads files or knows a component.
//
// Whatever a file contains, nothing here crashes or hangs: nesting is bounded by `nestingLimit`, and what a function
// of the standard library makes is bounded too.

/// How deep expressions, blocks and documents given to `encoding.from_json` may nest.
let nestingLimit = 256
