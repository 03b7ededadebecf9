// SPDX-License-Identifier: Apache-2.0

// Runtime: from the text of a configuration to running components.
//
//   files ─ ConfigurationSource ─ parse ─ Expansion ─ Graph ─ Plan ─ Controller
//
// `Expansion` turns blocks into nodes, unfolding modules, so that everything after it sees one flat graph. `Graph`
// puts the nodes into an order in which each comes after what it refers to. `Plan` evaluates them in that order and
// makes components, without side effects: nothing is opened or started by planning, so `validate` is a plan and
// nothing more, and a reload can be refused as a whole. The `Controller` runs a plan, and moves from one to the next.
