/** Python's clients: confluent-kafka (librdkafka 2.16), aiokafka 0.14, kafka-python 2.0.2 and 3.0, and paho-mqtt 2.2. */
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openPeer, type Peer } from '../lib/broker.ts'
import { externalChecks } from '../lib/external.ts'
import { openSecuredPeer, type SecuredPeer } from '../lib/secured-peer.ts'
import { OLD_KAFKA_PYTHON, PYTHON, pythonMissing } from '../lib/toolchain.ts'

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

// Transactions end some time after their timeout.
const QUICK = ['--set', 'group.initial.rebalance.delay.ms=0', '--set', 'transaction.abort.timed.out.transaction.cleanup.interval.ms=300']

describe('python', { skip: pythonMissing() }, () => {
  let peer: Peer
  let secured: SecuredPeer | undefined
  before(async () => {
    peer = await openPeer({ args: QUICK })
    if (peer.elytra) secured = await openSecuredPeer()
  })
  after(async () => {
    await secured?.[Symbol.asyncDispose]()
    await peer?.close()
  })
  const kafkaArguments = (name: string) => [script(name), peer.kafka, ...(secured ? [JSON.stringify(secured.logins)] : [])]

  test('confluent-kafka', (t) => externalChecks(t, PYTHON, kafkaArguments('confluent_kafka_checks.py'), { timeoutMs: 240_000 }))
  test('aiokafka', (t) => externalChecks(t, PYTHON, kafkaArguments('aiokafka_checks.py'), { timeoutMs: 240_000 }))
  test('kafka-python', (t) => externalChecks(t, PYTHON, kafkaArguments('kafka_python_checks.py'), { timeoutMs: 240_000 }))
  test('kafka-python 2.0.2', (t) =>
    externalChecks(t, PYTHON, kafkaArguments('kafka_python_checks.py'), { timeoutMs: 240_000, env: { PYTHONPATH: OLD_KAFKA_PYTHON } }))
  test('paho-mqtt', (t) => externalChecks(t, PYTHON, [script('paho_mqtt_checks.py'), peer.mqtt.host, `${peer.mqtt.port}`], { timeoutMs: 120_000 }))
})
