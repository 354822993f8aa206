/** Go's clients: franz-go 1.22, IBM/sarama 1.61 and segmentio/kafka-go 0.4. */
import { describe, test } from 'node:test'
import { openPeer } from '../lib/broker.ts'
import { externalChecks } from '../lib/external.ts'
import { openSecuredPeer } from '../lib/secured-peer.ts'
import { goMissing, goProgram } from '../lib/toolchain.ts'

// Members of KIP-848 move by their heartbeats, and transactions end some time after their timeout.
const QUICK = {
  'group.initial.rebalance.delay.ms': '0',
  'group.consumer.heartbeat.interval.ms': '300',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '300',
}

describe('go', { skip: goMissing() }, () => {
  for (const client of ['franz', 'sarama', 'segmentio'] as const) {
    test(client, async (t) => {
      await using peer = await openPeer({ args: Object.entries(QUICK).flatMap(([key, value]) => ['--set', `${key}=${value}`]) })
      if (peer.elytra === undefined) return externalChecks(t, goProgram(client), [peer.kafka], { timeoutMs: 240_000 })
      await using secured = await openSecuredPeer()
      await externalChecks(t, goProgram(client), [peer.kafka, JSON.stringify(secured.logins)], { timeoutMs: 240_000 })
    })
  }
})
