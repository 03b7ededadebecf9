// SPDX-License-Identifier: Apache-2.0

// Hub: a receiver of remote write and Loki push in this process, for trying the agent out and for its tests.
//
// It is as strict as Prometheus and Loki are (and about labels stricter than Prometheus), refuses with the same
// statuses and words, keeps a bounded window of what it got in memory, and can be told to misbehave in every way a hub
// on a home network does. It is no place to keep data.
