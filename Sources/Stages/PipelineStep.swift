// SPDX-License-Identifier: Apache-2.0

/// One step of a pipeline as it was configured: how to make a stage, whose arguments have been found to be right.
public enum PipelineStep: Sendable {
  /// A stage. It is made by the pipeline, to which alone it belongs.
  case stage(@Sendable () -> any Stage)
  /// Steps for those entries only that `selector` selects.
  case match(Selector, steps: [PipelineStep])
}
