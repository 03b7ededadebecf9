// SPDX-License-Identifier: Apache-2.0

// RE2: regular expressions in the syntax Prometheus, Loki and Alloy use, matched in time linear in the text, so that
// no pattern in a configuration and no line in a log can hang the agent.
