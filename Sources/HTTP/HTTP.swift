// SPDX-License-Identifier: Apache-2.0

// HTTP: a small HTTP/1.1 client and server on one event-loop thread. The only module that knows the HTTP library
// below it (SwiftNIO); nothing of that shows in the API, so it can be exchanged by measurement.
//
// Start reading at HTTPClient and HTTPServer. Whatever the peer sends is bounded: header bytes and fields, body bytes,
// interim responses, redirects, inflated bytes, and the time all of it may take.
