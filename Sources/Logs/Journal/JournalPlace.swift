// SPDX-License-Identifier: Apache-2.0

/// Which journal is read.
public enum JournalPlace: Sendable, Equatable, CustomStringConvertible {
  /// This host's.
  case local
  /// The files in a directory and in the machines' directories below it.
  case directory(String)
  /// One of this host's other journals (`LogNamespace=` of a unit).
  case namespace(String)

  /// The directories below which its files are; some may not exist.
  var roots: [String] {
    switch self {
    case .local, .namespace: ["/var/log/journal", "/run/log/journal"]
    case .directory(let path): [path]
    }
  }

  /// Whether all its entries are of this host; a directory may have those of containers.
  public var isOfThisHost: Bool {
    if case .directory = self { false } else { true }
  }

  /// For messages.
  public var description: String {
    switch self {
    case .local: "the journal of this host"
    case .directory(let path): "the journal in \(path)"
    case .namespace(let name): "the journal of namespace \(name)"
    }
  }
}
