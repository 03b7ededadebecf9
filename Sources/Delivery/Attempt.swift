// SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Linux

/// How one request went, in the words of this module.
struct Attempt {
  var outcome: RetryPolicy.Outcome
  /// What to tell people when it is not what was hoped for.
  var text: String
  /// The answer's body, of which `text` is the beginning.
  var answer = ""
  /// The `Date` of the answer.
  var date: String?
  /// How long the answer took; nil when there was none.
  var seconds: Double?
  /// Whether the hub may have stored the request without our being told.
  var mayBeStored: Bool
  /// Our own doing: nothing follows from it.
  var wasCancelled = false

  /// Why, where data were refused. Loki's words begin with the labels of the stream, which may be long.
  var reason: RefusalReason { RefusalReason(body: String(decoding: answer.utf8.prefix(64 << 10), as: UTF8.self)) }

  /// The status of the answer.
  var status: Int? {
    switch outcome {
    case .response(let status, _), .webPage(let status): status
    case .noAnswer: nil
    }
  }

  /// Reads an answer that took `seconds` and ended at `now`, seconds since 1970.
  init(_ response: HTTPResponse, seconds: Double, now: Int64) {
    let date = response.headers["Date"]
    // The hub's own clock is the one its Retry-After is about.
    let hubNow = date.flatMap { secondsSince1970(httpDate: $0) } ?? now
    let retryAfter = response.headers["Retry-After"].flatMap { RetryPolicy.retryAfter($0, now: hubNow) }
    answer = String(decoding: response.body, as: UTF8.self)
    // Prometheus before 2.49 takes that for its own fault; but no sample gets younger by waiting.
    let isVerdict = response.status == 500 && contains(answer.lowercased(), "too old sample")
    outcome =
      isWebPage(response)
      ? .webPage(status: response.status)
      : .response(status: isVerdict ? 400 : response.status, retryAfter: retryAfter)
    text = "\(response.status): \(errorText(body: response.body))"
    self.date = date
    self.seconds = seconds
    // A gateway that says so has lost sight of a request it had passed on.
    mayBeStored = [408, 502, 504].contains(response.status)
  }

  /// Reads the absence of an answer.
  init(_ error: HTTPError) {
    outcome = .noAnswer
    text = errorText(body: Array(error.description.utf8))
    wasCancelled = error == .cancelled
    switch error {
    case .timeout(.response, _), .closed(.beforeResponse, _, _), .closed(.inResponse, _, _), .malformedResponse,
      .bodyTooLarge, .cancelled:
      mayBeStored = true
    default: mayBeStored = false
    }
  }
}

extension RetryPolicy.Dialect {
  /// How much of an answer is read. Loki's may name every single entry it did not take, and say at its end how many.
  fileprivate var answerLimit: Int { self == .loki ? 2 << 20 : errorBodyLimit }
}

/// Receivers answer success with nothing or a few plain words. What answers it with HTML is a captive portal or a proxy,
/// and has thrown the samples away.
func isWebPage(_ response: HTTPResponse) -> Bool {
  let type = response.headers["Content-Type"]?.lowercased() ?? ""
  return (200..<300).contains(response.status) && !response.body.isEmpty && type.hasPrefix("text/html")
}

extension HTTPClient {
  /// Makes one attempt to send `body`.
  ///
  /// A task that is cancelled meanwhile waits for the answer all the same, for `grace`: an answer heard is a block that
  /// need not be sent again.
  ///
  /// `tenant` is whose it is; empty for the endpoint's own.
  func attempt(
    _ body: [UInt8], to endpoint: Endpoint, number: Int = 0, tenant: String = "", grace: Duration
  ) async -> Attempt {
    let request = endpoint.request(body, attempt: number, tenant: tenant)
    let task = Task {
      let start = monotonicNanoseconds()
      do throws(HTTPError) {
        let response = try await send(
          request, timeout: endpoint.timeout, bodyLimit: endpoint.dialect.answerLimit, truncating: true)
        let seconds = Double(monotonicNanoseconds() - start) / 1e9
        return Attempt(response, seconds: seconds, now: wallClockMilliseconds() / 1000)
      } catch { return Attempt(error) }
    }
    return await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      Task {
        try? await Task.sleep(for: grace)
        task.cancel()
      }
    }
  }
}
