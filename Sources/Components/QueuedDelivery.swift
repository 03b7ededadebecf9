// SPDX-License-Identifier: Apache-2.0

internal import Delivery
internal import HTTP
internal import Linux
internal import Queue
internal import Runtime
internal import Synchronization

/// One hub of a component.
protocol Destination: Sendable {
  var delivery: QueuedDelivery { get }
  /// Takes what comes and delivers it until cancelled.
  func run() async
  /// Lets go of its queue and its connections.
  func close() async
}

/// The destinations of a component, while it runs.
final class Destinations<Kind: Destination>: Sendable {
  private let running = Mutex<[Kind]>([])

  var all: [Kind] { running.withLock { $0 } }

  /// Runs them until cancelled; without any, too: what comes is let go then.
  func run(_ destinations: [Kind]) async {
    running.withLock { $0 = destinations }
    await withTaskGroup { group in
      for destination in destinations { group.addTask { await destination.run() } }
      await untilCancelled()
    }
    running.withLock { $0 = [] }
  }

  var vitals: Vitals {
    get async {
      var vitals = Vitals()
      for destination in all { vitals = vitals + (await destination.delivery.vitals) }
      return vitals
    }
  }
}

/// Opens a destination for each of `endpoints`, or none.
func openAll<Endpoint, Opened: Destination>(
  _ endpoints: [Endpoint], _ open: (Endpoint) throws -> Opened
) async throws -> [Opened] {
  var opened: [Opened] = []
  do {
    for endpoint in endpoints { opened.append(try open(endpoint)) }
    return opened
  } catch {
    for destination in opened { await destination.close() }
    throw error
  }
}

/// One endpoint's queue, what empties it, and the connections that go there.
struct QueuedDelivery: Sendable {
  let queue: WriteAheadQueue
  let sender: Sender
  let client: HTTPClient

  /// How long a stop waits for what is pending to be taken, and then for the answer to what is on its way; twice this
  /// must be less than what `agent run` gives everything.
  private static let stopTime = Duration.seconds(3)

  /// Opens the queue at `directory`; throws where that or the client's files cannot be read.
  init(
    _ endpoint: Endpoint, client options: ClientOptions, sender senderOptions: SenderOptions, services: Services,
    queue directory: String, overflow: QueueOptions.Overflow, log: Log, onVerdict: @escaping @Sendable (String?) -> Void
  ) throws {
    client = try HTTPClient(options, on: services.network)
    queue = try WriteAheadQueue(
      directory: directory, options: QueueOptions(overflow: overflow, maxBytes: services.queueBytes), log: log)
    var options = senderOptions
    options.grace = Self.stopTime
    sender = Sender(
      endpoint: endpoint, queue: queue, client: client, options: options, log: log, onVerdict: onVerdict)
  }

  /// Delivers until cancelled; then what the hub takes at once is still delivered, and the queue closed. `companion` runs
  /// until then, too.
  func run(beside companion: @escaping @Sendable () async -> Void) async {
    let delivery = Task { await sender.run() }
    let beside = Task { await companion() }
    await untilCancelled()
    beside.cancel()
    // A task of its own: this one is cancelled, and waiting in it would end at once.
    _ = await Task { [sender] in await sender.flush(within: Self.stopTime) }.value
    delivery.cancel()
    await delivery.value
    await beside.value
    await close()
  }

  /// What waits in the queue, as its thread says.
  var vitals: Vitals {
    get async {
      let statistics = await queue.statistics
      return Vitals(
        pendingItems: statistics.pending, queueBytes: statistics.bytes,
        oldestTimestampMilliseconds: statistics.oldestTimestampMilliseconds)
    }
  }

  func close() async {
    await queue.close()
    await client.close()
  }
}
