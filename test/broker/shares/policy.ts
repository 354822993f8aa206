import type { ShareGroupConfigs, ShareGroupPolicy } from '../../../src/broker/shares/ports.ts'

/** Kafka's defaults, but for what a test says; it begins at the first record. */
export function sharePolicy(configs: Partial<ShareGroupConfigs> = {}): ShareGroupPolicy {
  const all: ShareGroupConfigs = {
    recordLockDurationMs: 30_000,
    deliveryCountLimit: 5,
    partitionMaxRecordLocks: 2_000,
    autoOffsetReset: 'earliest',
    readCommitted: false,
    renewAcknowledgeEnable: true,
    ...configs,
  }
  return { of: () => all }
}
