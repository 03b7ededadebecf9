// SPDX-License-Identifier: Apache-2.0

/// What the kinds of blocks in a queue of log lines say of their payload: a push, as a snappy block.
public enum PushBlockKind {
  /// As Loki takes it; all streams belong to the endpoint's tenant.
  public static let plain: UInt8 = 2
  /// Some streams belong to other tenants and say so in ``pushTenantField``, which no receiver must see.
  public static let withTenants: UInt8 = 3
  /// As Loki takes it, and of one stream only, which is the endpoint's tenant's: it can be sent without a look into it.
  public static let oneStream: UInt8 = 4

  /// Every kind of block that holds log lines.
  public static let all: [UInt8] = [plain, withTenants, oneStream]
}

/// The number of the field of a stream that names its tenant, in blocks of ``PushBlockKind/withTenants``.
public let pushTenantField = 100
