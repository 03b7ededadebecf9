// SPDX-License-Identifier: Apache-2.0

/// A request the hub does not take: the status and the words of its answer.
struct Refusal: Error, Equatable {
  var status: Int
  var text: String

  init(_ status: Int, _ text: String) {
    self.status = status
    self.text = text
  }
}
