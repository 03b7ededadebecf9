// SPDX-License-Identifier: Apache-2.0

// Scrape: everything between a target and a stamped batch of samples, as Prometheus does it. A `ScrapePool` runs one
// loop per target; each tick gets a page (over HTTP, through a closure of the caller's) or a typed batch (from a source
// in this process), reads it with `ExpositionParser`, and gives it to a `SampleAppender`, which adds the target's labels,
// timestamps, staleness markers and the `up` family. How bytes are fetched and where batches go is the caller's.
