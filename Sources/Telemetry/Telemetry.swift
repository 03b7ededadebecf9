// SPDX-License-Identifier: Apache-2.0

// Telemetry: the nouns every other module speaks in. Label sets, batches of samples, the metadata of metric families,
// and the counters the agent keeps about itself. No module here opens, reads or sends anything.
