// SPDX-License-Identifier: Apache-2.0

// Delivery: from a queue to the hub, over HTTP, strictly oldest first and one request at a time.
//
// What to do after an answer is decided by values (`RetryPolicy`, `Shipment`) that hold no clock, socket or task;
// `Sender` is the loop around them. Samples go in merged requests (`Shipment`), lines stream by stream
// (`StreamShipment`). A block leaves the queue only after the hub has said 2xx to all of it, or has refused by itself,
// alone, what it does not want; so a wrong sample never takes its neighbours with it, a wrong endpoint loses nothing,
// and an outage lasts as long as it lasts.
