// SPDX-License-Identifier: Apache-2.0

// Relabel: Prometheus's relabelling rules, as Alloy's `rule` blocks state them, applied to packed label sets. Each rule
// is prepared once; a series then costs no String and, after the first few, no allocation.
