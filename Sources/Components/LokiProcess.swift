// SPDX-License-Identifier: Apache-2.0

internal import Runtime
internal import Stages
internal import Syntax
internal import Telemetry

/// `loki.process`: changes or drops log entries on their way, stage by stage.
final class LokiProcess: Component {
  private let receiver: ProcessReceiver
  private let context: ComponentContext

  static let kind = ComponentKind("loki.process") { block, context in
    let receivers = block.required("forward_to", .logsReceivers)
    let steps = PipelineStep.decode(block)
    return LokiProcess(steps: steps, receivers: receivers, context: context)
  }

  private init(steps: [PipelineStep], receivers: [LogsInlet], context: ComponentContext) {
    self.context = context
    receiver = ProcessReceiver(steps, id: context.id, next: LogsFanout(receivers), log: context.log)
  }

  var exports: [String: Value] { ["receiver": context.logsReceiverExport] }

  func run() async throws {
    context.logsInlet.open(receiver)
    context.reportHealthy()
    await receiver.releaseWhenDue()
    await receiver.stop()
  }

  func collectMetrics(into batch: consuming SeriesBatch) async -> SeriesBatch {
    var batch = batch
    await receiver.writeMetrics(to: &batch)
    return batch
  }
}
