// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// Swift 6 mode, warnings as errors, and imports that show what a module's API leaks.
let checked: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let strict = checked + [.strictMemorySafety()]
/// Optimised also where the rest is not: what simulates the disk under a queue, hundreds of thousands of times.
let simulation: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

/// Every target of ours, floor by floor; imports go down only, and
/// `swift build --explicit-target-dependency-import-check error` enforces it.
let targets: [Target] = [
  // 0: headers Swift cannot see, and system libraries behind a C face.
  .target(name: "CLinux"),
  .systemLibrary(name: "CSnappy", pkgConfig: "snappy", providers: [.apt(["libsnappy-dev"])]),
  .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
  .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
  .target(name: "CWire", exclude: ["schema"], linkerSettings: [.linkedLibrary("protobuf-c")]),

  // 1: the nouns; the only module that calls libc; regular expressions.
  .ours("Telemetry"),
  .ours("Linux", ["CLinux"]),
  .ours("RE2", ["CRE2"]),
  .ours("Flags"),

  // 2: machinery, each usable alone; only HTTP knows the HTTP library.
  .ours("Syntax", ["CYAML", "Linux"]),
  .ours("Relabel", ["Telemetry", "RE2"]),
  .ours("Wire", ["Telemetry", "CSnappy", "CWire"]),
  .ours("Queue", ["Linux"], settings: simulation),
  .ours("Stages", ["Telemetry", "Linux", "RE2"]),
  .ours(
    "HTTP", ["Linux", "CZlib"],
    products: [
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOHTTP1", package: "swift-nio"),
      .product(name: "NIOTLS", package: "swift-nio"),
      .product(name: "NIOSSL", package: "swift-nio-ssl"),
    ]),

  // 3: everything that talks to the kernel, files or network.
  .ours("NodeMetrics", ["Telemetry", "Linux", "RE2", "CSystemd"]),
  .ours("Scrape", ["Telemetry", "Linux"]),
  .ours("Logs", ["Telemetry", "Linux", "RE2", "Relabel", "CSystemd", "CZlib"]),
  .ours("Delivery", ["Telemetry", "Linux", "Wire", "Queue", "HTTP"]),
  .ours("Hub", ["Telemetry", "Linux", "Wire", "HTTP"]),

  // 4: the graph of components.
  .ours("Runtime", ["Syntax", "Telemetry", "Linux"]),

  // 5: one file per Alloy component; the HTTP surface and self-metrics.
  .ours(
    "Components",
    [
      "Runtime", "Syntax", "Telemetry", "Linux", "RE2", "Relabel", "Wire", "Queue", "HTTP", "NodeMetrics", "Scrape",
      "Delivery", "Logs", "Stages",
    ]),
  .ours("Status", ["Runtime", "Telemetry", "Linux", "HTTP", "CSystemd"]),

  // 6: the real world is assembled here only.
  .executableTarget(
    name: "agent",
    dependencies: [
      "Components", "Status", "Runtime", "Hub", "Delivery", "Queue", "Wire", "HTTP", "Syntax", "Telemetry", "Linux",
      "Flags",
    ], swiftSettings: strict,
    // The static runtime asks for every symbol to be exported; nothing looks them up, and without them the binary is
    // 2 MB and the process 0.9 MiB smaller.
    linkerSettings: [.unsafeFlags(["-Xlinker", "--no-export-dynamic"], .when(configuration: .release))]),
]

extension Target {
  /// A Swift target under the settings all of ours share.
  static func ours(
    _ name: String, _ dependencies: [String] = [], products: [Dependency] = [], settings: [SwiftSetting] = []
  ) -> Target {
    .target(
      name: name, dependencies: dependencies.map { .byName(name: $0) } + products, swiftSettings: strict + settings)
  }

  /// Tests of one target; they read their fixtures, if any, beside the source file.
  static func tests(
    _ name: String, _ dependencies: [String], fixtures: Bool = false, settings: [SwiftSetting] = []
  ) -> Target {
    .testTarget(
      name: name, dependencies: (dependencies + ["TestSupport"]).map { .byName(name: $0) },
      exclude: fixtures ? ["Fixtures"] : [],
      swiftSettings: checked + settings)
  }
}

let tests: [Target] = [
  .target(
    name: "TestSupport", dependencies: ["Linux", "Queue"], path: "Tests/TestSupport",
    swiftSettings: checked + simulation),
  .target(
    name: "Fuzzing",
    dependencies: [
      "TestSupport", "Linux", "Telemetry", "RE2", "Relabel", "Syntax", "Wire", "Queue", "Stages", "HTTP", "NodeMetrics",
      "Scrape", "Logs", "Delivery", "Hub", "Components",
    ], path: "Tests/Fuzzing", swiftSettings: checked),
  .testTarget(
    name: "FuzzTests", dependencies: ["Fuzzing", "TestSupport", "Linux"], exclude: ["Corpus"], swiftSettings: checked),
  .target(name: "CAllocations", path: "Tests/CAllocations"),
  .tests(
    "BudgetTests",
    ["CAllocations", "Components", "Linux", "Logs", "NodeMetrics", "Queue", "Stages", "Syntax", "Telemetry", "Wire"]),
  .tests("TelemetryTests", ["Telemetry"]),
  .tests("LinuxTests", ["Linux"]),
  .tests("RE2Tests", ["RE2"]),
  .tests("FlagsTests", ["Flags"]),
  .tests("SyntaxTests", ["Syntax", "Linux"], fixtures: true),
  .tests("RelabelTests", ["Relabel", "Telemetry", "RE2"], fixtures: true),
  .tests("WireTests", ["Wire", "Telemetry", "CWire"]),
  .tests("QueueTests", ["Queue", "Linux"], settings: simulation),
  .tests("StagesTests", ["Stages", "Telemetry", "Linux", "RE2"], fixtures: true),
  .tests("LogsTests", ["Logs", "Relabel", "Telemetry", "Linux"]),
  .tests("HTTPTests", ["HTTP", "Linux"]),
  .tests("NodeMetricsTests", ["NodeMetrics", "Telemetry", "Linux", "RE2"]),
  .tests("ScrapeTests", ["Scrape", "Telemetry", "Linux"]),
  .tests("DeliveryTests", ["Delivery", "Hub", "Queue", "Wire", "HTTP", "Telemetry", "Linux"]),
  .tests("HubTests", ["Hub", "Wire", "HTTP", "Telemetry", "Linux"]),
  .tests("RuntimeTests", ["Runtime", "Syntax", "Telemetry", "Linux"]),
  .tests(
    "ComponentsTests",
    ["Components", "Runtime", "Stages", "Logs", "Status", "Hub", "HTTP", "Syntax", "Telemetry", "Linux"],
    fixtures: true),
  .tests("StatusTests", ["Status", "Runtime", "HTTP", "Telemetry", "Linux"]),
  .tests("EndToEnd", ["agent", "Hub", "Queue", "Wire", "HTTP", "Linux", "Telemetry"], fixtures: true),
]

/// What `scripts/libfuzzer` builds: it needs a runtime that nothing else is linked with.
let libFuzzer: [Target] = [
  .executableTarget(
    name: "spoke-libfuzzer", dependencies: ["Fuzzing", "Linux"], path: "Tests/LibFuzzer", swiftSettings: checked)
]

let package = Package(
  name: "spoke",
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
  ],
  targets: targets + tests + (Context.environment["SPOKE_LIBFUZZER"] == nil ? [] : libFuzzer),
  cxxLanguageStandard: .cxx17
)
