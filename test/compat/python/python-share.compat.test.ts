/** Python: share groups (KIP-932) with confluent-kafka's share consumer, which librdkafka has as a preview. */
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openPeer } from '../lib/broker.ts'
import { externalChecks } from '../lib/external.ts'
import { PYTHON, pythonMissing } from '../lib/toolchain.ts'

/** Members hear of each other soon. */
const QUICK = ['--set', 'group.share.heartbeat.interval.ms=300', '--set', 'group.share.min.heartbeat.interval.ms=100']

describe('python: share groups', { skip: pythonMissing() }, () => {
  test('confluent-kafka: share consumers', async (t) => {
    await using peer = await openPeer({ args: QUICK })
    const script = fileURLToPath(new URL('confluent_share_checks.py', import.meta.url))
    await externalChecks(t, PYTHON, [script, peer.kafka], { timeoutMs: 240_000 })
  })
})
