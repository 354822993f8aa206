import type { LogStore } from '../../../src/log/ports.ts'
import { batchCompression, batchProducerId, buildBatch, readRecords } from '../../../src/log/record-batch.ts'
import type { Network } from '../../../src/runtime/network.ts'
import { callbacksOf, withAppend } from './log-wrappers.ts'
import type { PlantedFault } from './planted-fault.ts'
import { withPackets } from './wire-plants.ts'

/** What messages may lose on their way from one protocol to the other, and options of MQTT that nobody keeps to. */
export const MQTT_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'user properties come in another order': {
    withinSeeds: 20,
    wrapNetwork: (network) =>
      withPackets(network, {
        incoming: () => {},
        outgoing: (packet) => {
          if (packet.type !== 'PUBLISH' || packet.properties?.userProperties === undefined) return packet
          return { ...packet, properties: { ...packet.properties, userProperties: [...packet.properties.userProperties].reverse() } }
        },
      }),
  },
  'the content type of a message is not kept': { withinSeeds: 20, wrapLog: (log) => withoutHeader(log, 'content-type') },
  'who published a retained message is not kept': { withinSeeds: 20, wrapLog: (log) => withoutHeader(log, 'mqtt.client') },
  'a retained message comes without RETAIN': {
    withinSeeds: 20,
    wrapNetwork: (network) =>
      withPackets(network, { incoming: () => {}, outgoing: (packet) => (packet.type === 'PUBLISH' && packet.retain ? { ...packet, retain: false } : packet) }),
  },
  'an expiry is told as it was given': { withinSeeds: 20, wrapNetwork: tellWholeExpiry },
}

/** A header that records of MQTT clients do not have. */
function withoutHeader(log: LogStore, name: string): LogStore {
  return withAppend(log, (group) => ({
    ...group,
    ...callbacksOf(group),
    batches: group.batches.map((batch) => {
      if (batchProducerId(batch.bytes) >= 0 || batchCompression(batch.bytes) !== 0) return batch
      const records = readRecords(batch.bytes)
      if (!Array.isArray(records) || !records.some(({ headers }) => headers.some(({ key }) => key === name))) return batch
      return { ...batch, bytes: buildBatch(records.map((record) => ({ ...record, headers: record.headers.filter(({ key }) => key !== name) }))) }
    }),
  }))
}

function tellWholeExpiry(network: Network): Network {
  const given = new Map<string, number>()
  const nameOf = (topic: string, payload: Uint8Array): string => `${topic} ${Buffer.from(payload).toString('latin1')}`
  return withPackets(network, {
    incoming: (packet) => {
      const messageExpiryS = packet.type === 'PUBLISH' ? packet.properties?.messageExpiryS : undefined
      if (packet.type === 'PUBLISH' && messageExpiryS !== undefined) given.set(nameOf(packet.topic, packet.payload), messageExpiryS)
    },
    outgoing: (packet) => {
      const messageExpiryS = packet.type === 'PUBLISH' ? given.get(nameOf(packet.topic, packet.payload)) : undefined
      if (packet.type !== 'PUBLISH' || messageExpiryS === undefined || packet.properties === null) return packet
      return { ...packet, properties: { ...packet.properties, messageExpiryS } }
    },
  })
}
