import { MAPPING_HEADERS } from '../../../src/broker/topics/mapping/mapping-headers.ts'
import { DAMAGED } from '../damage.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { identityOf, NO_VALUE } from './kafka-producers.ts'
import { readWhole } from './kafka-readers.ts'

const LISTEN_MS = 6_000

/**
 * What is retained under a log topic is what its log says: of every key the value of the last record with RETAIN, or nothing where that one
 * is empty. Record and copy are one commit, whoever sent them: a publisher, or a will. For topics that MQTT clients write at QoS 1 and 2 and
 * without expiry.
 */
export async function verifyRetainedAsLogged(world: World, topic: string, partitions: number): Promise<void> {
  const before = await lastRetained(world, topic, partitions)
  const found = await retainedNow(world, `${topic}/#`)
  // Wills may come at any time.
  const after = await lastRetained(world, topic, partitions)
  if (before === null || found === null || after === null) return
  for (const mqttTopic of new Set([...after.keys(), ...found.keys()])) {
    const got = found.get(mqttTopic) ?? NO_VALUE
    const expected = [before, after].map((logged) => logged.get(mqttTopic) ?? NO_VALUE)
    if (!expected.includes(got)) world.violate(`${mqttTopic}: ${got} is retained, the last one in the log is ${expected[1]}`)
  }
  world.count('retained as logged', found.size)
}

/** By MQTT topic; null where the log cannot tell. */
async function lastRetained(world: World, topic: string, partitions: number): Promise<ReadonlyMap<string, string> | null> {
  const last = new Map<string, string>()
  for (let index = 0; index < partitions; index++) {
    const records = await readWhole(world, topic, index)
    // Whose record a damaged one was nobody can tell any more.
    if (records === null || records.some(({ value }) => value === DAMAGED)) return null
    for (const { value, key, headers } of records) {
      const isRetained = headers.some((header) => header.key === MAPPING_HEADERS.retain)
      if (isRetained) last.set(key === null ? topic : `${topic}/${Buffer.from(key).toString()}`, value)
    }
  }
  return last
}

/** What a new subscriber is given; null where its connection ended. */
async function retainedNow(world: World, filter: string): Promise<ReadonlyMap<string, string> | null> {
  const connect = { clientId: 'retained-now', level: 5 as const, cleanStart: true, sessionExpiryS: 0, keepAliveS: 10, will: null }
  const connection = await MqttConnection.open(world, connect)
  if (connection === null) return null
  const found = new Map<string, string>()
  connection.listen(
    (packet) => {
      if (packet.type !== 'PUBLISH') return
      if (packet.qos === 1) connection.acknowledge('PUBACK', packet.packetId)
      if (packet.retain) found.set(packet.topic, identityOf(packet.payload))
    },
    () => {},
  )
  connection.subscribe(1, filter, 1)
  await world.sleep(LISTEN_MS)
  const isWhole = !connection.closed
  connection.leave()
  return isWhole ? found : null
}
