import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildMarker } from '../../src/log/marker.ts'
import { buildBatch, TRANSACTIONAL_BIT } from '../../src/log/record-batch.ts'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { append, openLog, SETTINGS, TOPIC_ID, temporaryFolder } from './log-harness.ts'

test('a producer is marked from the end of its first transaction on, also after a restart', async () => {
  const { path, remove } = temporaryFolder()
  try {
    const log = await openLog(new NodeFiles(path))
    const partition = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    const send = (bytes: Uint8Array) => append(log, { batches: [{ partition, bytes }] })
    const record = { key: null, value: null, timestampMs: 1_000 }
    const transactional = (producerId: number, baseSequence: number) =>
      buildBatch([record], { attributes: TRANSACTIONAL_BIT, producerId, producerEpoch: 0, baseSequence })
    const marked = (from: typeof partition) => [...from.producers.active()].map(({ producerId, isMarked }) => [producerId, isMarked])
    await send(transactional(1, 0))
    assert.deepEqual(marked(partition), [[1, false]])
    await send(buildMarker({ type: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 2_000 }))
    await send(transactional(1, 1))
    await send(transactional(2, 0))
    const wanted = [
      [1, true],
      [2, false],
    ]
    assert.deepEqual(marked(partition), wanted)
    await log.close()
    const again = await openLog(new NodeFiles(path))
    assert.deepEqual(marked(await again.openPartition(TOPIC_ID, 'orders', 0, SETTINGS)), wanted)
    await again.close()
  } finally {
    remove()
  }
})
