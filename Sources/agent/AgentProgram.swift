// SPDX-License-Identifier: Apache-2.0

import Flags
import Linux

/// The version, as `--version`, the metrics and the `User-Agent` of requests give it.
let agentVersion = "0.1.0"

/// Where things are unless told otherwise.
enum Standard {
  static let configuration = "/etc/spoke/config.alloy"
  static let storage = "/var/lib/spoke"
  static let listenAddress = "127.0.0.1:12345"
  static let memoryAddress = "alloy.internal:12345"
}

/// Everything the program can do, in the order users should meet it.
let program = Program(
  name: "agent",
  summary: "collect this host's metrics and send them to a hub, losing nothing",
  discussion: """
    A collector for one machine: it reads what its configuration names, keeps it in a queue on disk, and sends it to a \
    hub (Prometheus remote write) until the hub has it. The configuration language is Grafana Alloy's, and an Alloy \
    file runs unmodified as far as its components exist here.

    Without a configuration, "agent demo" shows in the terminal what the agent does. A file that Alloy runs can be \
    tried with "agent validate FILE", then "agent check FILE", which also asks the hub.
    """,
  commands: [
    runCommand, checkCommand, healthCommand, validateCommand, formatCommand, demoCommand, queueCommand, prepareCommand,
    completionCommand, manualCommand,
  ])

private let configurationArgument = Positional(
  "PATH", help: "A configuration file, or a directory whose *.alloy files are one. Default: \(Standard.configuration).")

private let skipUnsupportedFlag = Flag(
  "skip-unsupported", help: "Leave out components this agent does not have, and what refers to them.")

private let storageFlag = Flag(
  "storage.path", value: "DIR", default: Standard.storage, help: "The directory that keeps queues across restarts.")

private let listenFlag = Flag(
  "server.http.listen-addr", value: "HOST:PORT", default: Standard.listenAddress,
  help: "Where /metrics, /-/ready, /-/healthy and /-/reload are served.")

private let runCommand = Command(
  "run", "Run a configuration until told to stop.",
  discussion: """
    SIGTERM and SIGINT stop the agent within ten seconds; what the hub has not taken stays in the queue on disk and is \
    sent by the next run. SIGHUP, or POST /-/reload, reads the configuration again: a file with mistakes changes \
    nothing, and components whose arguments did not change go on untouched.
    """,
  positional: configurationArgument,
  flags: [
    storageFlag,
    Flag(
      "storage.queue-bytes", value: "SIZE", default: "512MiB",
      help: """
        The most each hub's queue may take on disk. Beyond it the oldest samples are dropped, and counted; sources of \
        log lines pause instead.
        """),
    listenFlag,
    Flag(
      "server.http.memory-addr", value: "HOST:PORT", default: Standard.memoryAddress,
      help: "The address that means this process in a target; nothing listens there."),
    skipUnsupportedFlag,
    Flag("strict", help: "Exit when a component cannot do its work at the start, instead of going on without it."),
  ] + acceptedFlags,
  examples: [
    ("agent run /etc/spoke/config.alloy", "runs that file, state in \(Standard.storage)"),
    ("agent run --storage.path=/tmp/spoke .", "runs the *.alloy files of this directory together"),
  ])

/// Flags of Alloy's that need nothing here; accepted so that a service's arguments go on working.
let acceptedFlags =
  [
    "stability.level", "config.format", "config.extra-args", "server.http.ui-path-prefix", "cluster.node-name",
    "cluster.join-addresses", "cluster.discover-peers", "cluster.rejoin-interval", "cluster.advertise-address",
    "cluster.advertise-interfaces", "cluster.max-join-peers", "cluster.name", "cluster.wait-for-size",
    "cluster.wait-timeout", "feature.component-shutdown-deadline", "feature.prometheus.metric-validation-scheme",
  ].map { Flag($0, value: "VALUE", help: nil) }
  + [
    "disable-reporting", "server.http.enable-pprof", "server.http.disable-support-bundle", "cluster.enabled",
    "config.bypass-conversion-errors", "feature.community-components.enabled",
    "feature.prometheus.direct-fanout.enabled",
  ].map { Flag($0, help: nil) }

private let checkCommand = Command(
  "check", "Verify a configuration, the state directory and every hub, once.",
  discussion: """
    Prints a line for each finding. The exit status is 0 when all is well, 1 when something fails, and 2 when the \
    configuration cannot be read. Nothing is left behind on the hub: what is sent to it is empty.
    """,
  positional: configurationArgument,
  flags: [
    storageFlag, skipUnsupportedFlag,
    Flag("offline", help: "Look at the configuration only: ask no hub, and leave the state directory alone."),
    Flag("json", help: "Print one JSON object for each finding."),
    Flag("timeout", value: "SECONDS", default: "10", isNumber: true, help: "How long to wait for a hub."),
  ],
  examples: [
    ("agent check /etc/spoke/config.alloy", "says whether this host can deliver"),
    ("agent check --offline config.alloy", "says whether any host could run it, where a machine is built"),
  ])

private let healthCommand = Command(
  "health", "Ask the running agent whether it is ready and all its parts answer.",
  discussion: """
    For the health checks of containers: what /-/ready of the running agent says. It is ready when its configuration \
    runs, and stays so while every queue, source and collector answers; a hub that is away is no reason not to be. \
    The exit status is 0 when it is ready, and 1 otherwise.
    """,
  flags: [
    listenFlag,
    Flag("timeout", value: "SECONDS", default: "3", isNumber: true, help: "How long to wait for the answer."),
  ],
  examples: [("agent health", "asks the agent at \(Standard.listenAddress)")])

private let validateCommand = Command(
  "validate", "Check a configuration without running it or asking anybody.",
  discussion: """
    Everything is evaluated as it would be at the start: types, references, regular expressions, durations, imported \
    files. The exit status is 0 when the configuration can be run.
    """,
  positional: configurationArgument, flags: [skipUnsupportedFlag],
  examples: [("agent validate config.alloy", "prints every mistake with its place and, where known, its fix")])

private let formatCommand = Command(
  "fmt", "Format a configuration file.",
  discussion: "Reads standard input when there is no file. What is inside a literal is never changed.",
  positional: Positional("FILE", help: "The file to format, or - for standard input."),
  flags: [
    Flag("write", letter: "w", help: "Write the result to the file instead of standard output."),
    Flag("test", letter: "t", help: "Print nothing; exit with 1 when the file is not formatted."),
  ],
  examples: [("agent fmt -w config.alloy", "formats that file in place")])

private let demoCommand = Command(
  "demo", "Collect this host and show live what arrives at a hub in the same process.",
  discussion: """
    Runs the agent with a built-in configuration: this host's metrics, through the real queue and the real encoders, \
    into an embedded hub on loopback. The hub is for trying out; it keeps a bounded window in memory. Nothing is kept \
    after the end. When standard output is no terminal, a plain line is printed each time.
    """,
  flags: [
    Flag("seconds", value: "N", isNumber: true, help: "Stop after this many seconds."),
    Flag("interval", value: "DURATION", default: "1s", help: "The time between two scrapes."),
  ],
  examples: [("agent demo", "runs until Ctrl-C")])

private let queueCommand = Command(
  "queue", "Look into the queues of a state directory.",
  discussion: """
    Works beside a running agent and changes nothing. "show" lists each queue with what waits in it; "verify" reads \
    every record and names damaged places, with exit status 1 when there are any; "dump" prints what waits, a line for \
    each sample.
    """,
  positional: Positional(
    "ACTION [DIR]", count: 1...2, help: "show, verify or dump, and a directory with queues in it."),
  flags: [
    storageFlag,
    Flag("limit", value: "N", default: "1000", isNumber: true, help: "How many samples or lines dump prints."),
  ],
  examples: [("agent queue show", "lists the queues in \(Standard.storage)")])

private let prepareCommand = Command(
  "prepare", "Make the state directory and give it to the user the agent will run as.",
  discussion: """
    For containers, whose state directory is made by root and where no shell could hand it over: run once as root, \
    with CAP_CHOWN and no other capability, before the agent. Only the directory itself is given away, not what is in \
    it; one that belongs to that user already is left as it is.
    """,
  positional: Positional("UID:GID", count: 1...1, help: "Whom to give it to, in numbers."), flags: [storageFlag],
  examples: [("agent prepare 65532:65532", "gives \(Standard.storage) to that user and group")])

private let completionCommand = Command(
  "completion", "Print a completion script for a shell.",
  positional: Positional("SHELL", count: 1...1, help: "\(Program.shells.joined(separator: ", "))."),
  examples: [
    ("agent completion bash > /etc/bash_completion.d/agent", "completes commands and flags in bash")
  ])

private let manualCommand = Command("man", "Print the manual page.", isHidden: true)
