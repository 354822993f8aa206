import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogBlocks } from '../../../src/broker/sessions/log-blocks.ts'
import type { PartitionTail } from '../../../src/broker/sessions/partition-tail.ts'
import { SessionCounters } from '../../../src/broker/sessions/session-counters.ts'
import { batchRecordsSection, buildBatch } from '../../../src/log/record-batch.ts'
import { COMPRESSION_CODECS, compressSync, decompress } from '../../../src/util/compression.ts'

const LIMITS = { catchUpReadBytes: 1_000_000, maxCatchUpReads: 1, catchUpCacheBytes: 1_000_000, maxInflatedBatchBytes: 1_000_000 }
const PAYLOAD_BYTES = 100_000

test('a compressed batch counts in the cache with the bytes that it was inflated to', async () => {
  const { gzip } = COMPRESSION_CODECS
  const record = { key: null, value: Buffer.alloc(PAYLOAD_BYTES, 'x'), timestampMs: 1 }
  const batch = buildBatch([record], { attributes: gzip, compress: (section) => compressSync(gzip, section) })
  assert.ok(batchRecordsSection(batch).length < PAYLOAD_BYTES / 10)
  const log = { readTail: () => undefined, read: async () => ({ batches: [batch], sizeBytes: batch.length }), abortedTransactions: () => [] }
  const tail = { key: 'orders/0', topicName: 'orders', dispatched: 1, partition: { index: 0, log } } as unknown as PartitionTail
  const decode = (_tail: PartitionTail, { value }: { readonly value: Uint8Array | null }) => ({
    message: { topic: 'orders', payload: value ?? Buffer.alloc(0), qos: 1 as const, retain: false, properties: null, packet: null, packetLevel: 5 as const },
    publisher: null,
    timestampMs: 1,
  })
  const blocks = new LogBlocks(decode, decompress, new SessionCounters(), LIMITS)
  await new Promise((resolve) => assert.equal(blocks.get(tail, 0, resolve), null))
  assert.ok(blocks.cachedBytes > PAYLOAD_BYTES, `${blocks.cachedBytes} bytes are counted for ${PAYLOAD_BYTES}`)
})
