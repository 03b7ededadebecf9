// SPDX-License-Identifier: Apache-2.0

/// The one of `candidates` that `name` was most likely meant to be; nil when none is near.
///
/// Near means a third of the letters at most: `scrap_interval` for `scrape_interval`; or that one continues the other.
public func closestName(to name: String, among candidates: [String]) -> String? {
  guard name.utf8.count <= 100 else { return nil }
  let allowed = max(1, min(3, name.utf8.count / 3))
  var best: (name: String, distance: Int)?
  for candidate in candidates.sorted() where candidate != name {
    let distance = editDistance(Array(name.utf8), Array(candidate.utf8))
    if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  if let best { return best.name }
  guard name.utf8.count >= 4 else { return nil }
  let continued = candidates.filter { $0.hasSuffix(name) || $0.hasPrefix(name) || name.hasPrefix($0 + "_") }
  return continued.min { $0.utf8.count < $1.utf8.count }
}

/// `did you mean "x"?`, when there is an `x` near `name`.
public func suggestion(for name: String, among candidates: [String]) -> String? {
  closestName(to: name, among: candidates).map { "did you mean \"\($0)\"?" }
}

/// Insertions, removals, replacements and swaps of neighbours that lead from one to the other.
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforePrevious: [Int] = []
  var previous = Array(0...right.count)
  for i in left.indices {
    var current = [i + 1]
    for j in right.indices {
      let replaced = previous[j] + (left[i] == right[j] ? 0 : 1)
      var distance = min(replaced, previous[j + 1] + 1, current[j] + 1)
      if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
        distance = min(distance, beforePrevious[j - 1] + 1)
      }
      current.append(distance)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.count]
}
