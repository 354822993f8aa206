import type { MessageProperties, QoS } from '../broker/sessions/ports.ts'
import type { PublishPacket } from '../mqtt/wire/packets.ts'
import { usageError } from './command.ts'
import { bytesFromJson, bytesToJson } from './json-bytes.ts'
import type { Publication } from './mqtt-client/mqtt-client.ts'

/** A message as one JSON line: `sub --json` prints it, `pub --json` reads it. Properties that are not there are left out. */
export function messageToJson({ topic, payload, qos, retain, dup, properties }: PublishPacket): string {
  return JSON.stringify({
    topic,
    qos,
    retain,
    ...(dup ? { dup } : {}),
    payload: bytesToJson(payload),
    ...(properties?.payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: properties.payloadFormatIndicator }),
    ...(properties?.messageExpiryS === undefined ? {} : { expiry: properties.messageExpiryS }),
    ...(properties?.contentType === undefined ? {} : { contentType: properties.contentType }),
    ...(properties?.responseTopic === undefined ? {} : { responseTopic: properties.responseTopic }),
    ...(properties?.correlationData === undefined ? {} : { correlation: bytesToJson(properties.correlationData) }),
    ...((properties?.userProperties?.length ?? 0) === 0 ? {} : { properties: properties?.userProperties }),
  })
}

/** Reads such a line; what it lacks is that of `defaults`. Throws `usageError`. */
export function messageFromJson(
  line: string,
  place: string,
  defaults: { readonly topic: string | undefined; readonly qos: QoS; readonly retain: boolean },
): Publication {
  let given: Record<string, unknown>
  try {
    given = JSON.parse(line) as Record<string, unknown>
  } catch (error) {
    throw usageError(`${place}: no JSON: ${(error as Error).message}`)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw usageError(`${place}: must be an object with "topic" and "payload"`)
  const topic = given.topic ?? defaults.topic
  if (typeof topic !== 'string') throw usageError(`${place}: has no "topic", and the command names none`)
  const qos = given.qos ?? defaults.qos
  if (qos !== 0 && qos !== 1 && qos !== 2) throw usageError(`${place}: "qos" must be 0, 1 or 2`)
  const properties: MessageProperties = {
    ...(given.payloadFormatIndicator === 1 || given.payloadFormatIndicator === 0 ? { payloadFormatIndicator: given.payloadFormatIndicator } : {}),
    ...(typeof given.expiry === 'number' ? { messageExpiryS: given.expiry } : {}),
    ...(typeof given.contentType === 'string' ? { contentType: given.contentType } : {}),
    ...(typeof given.responseTopic === 'string' ? { responseTopic: given.responseTopic } : {}),
    ...(given.correlation === undefined ? {} : { correlationData: bytesFromJson(given.correlation, `${place}: "correlation"`) ?? Buffer.alloc(0) }),
    ...(given.properties === undefined ? {} : { userProperties: pairsOf(given.properties, place) }),
  }
  return {
    topic,
    payload: bytesFromJson(given.payload ?? null, `${place}: "payload"`) ?? Buffer.alloc(0),
    qos,
    retain: (given.retain ?? defaults.retain) === true,
    properties: Object.keys(properties).length === 0 ? null : properties,
  }
}

function pairsOf(value: unknown, place: string): readonly (readonly [string, string])[] {
  const pairs: unknown[] = Array.isArray(value) ? value : Object.entries(value ?? {})
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string' || typeof pair[1] !== 'string') {
      throw usageError(`${place}: "properties" must be a list of [name, value], or an object`)
    }
    return [pair[0], pair[1]] as const
  })
}
