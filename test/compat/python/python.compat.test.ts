/** Python's clients: confluent-kafka (librdkafka 2.16) and paho-mqtt 2.2. */
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openPeer, type Peer } from '../lib/broker.ts'
import { externalChecks } from '../lib/external.ts'
import { PYTHON, pythonMissing } from '../lib/toolchain.ts'

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

describe('python', { skip: pythonMissing() }, () => {
  let peer: Peer
  before(async () => {
    peer = await openPeer()
  })
  after(async () => {
    await peer?.close()
  })

  test('confluent-kafka', (t) => externalChecks(t, PYTHON, [script('confluent_kafka_checks.py'), peer.kafka], { timeoutMs: 240_000 }))
  test('paho-mqtt', (t) => externalChecks(t, PYTHON, [script('paho_mqtt_checks.py'), peer.mqtt.host, `${peer.mqtt.port}`], { timeoutMs: 120_000 }))
})
