/**
 * Record headers for what an MQTT message carries beside topic and payload, each written only where it differs from the
 * default: a plain QoS 1 publish has none. All other headers are user properties.
 */
export const MAPPING_HEADERS = {
  /** The MQTT topic, where log topic and key do not tell it. */
  topic: 'mqtt.topic',
  /** `0` or `2`; absent means 1. */
  qos: 'mqtt.qos',
  /** `1`. */
  retain: 'mqtt.retain',
  /** Seconds, counted from the record's timestamp. */
  expiry: 'mqtt.expiry',
  /** Payload format indicator: `0` or `1`. */
  payloadFormat: 'mqtt.pfi',
  contentType: 'content-type',
  responseTopic: 'mqtt.response-topic',
  /** Bytes. */
  correlation: 'mqtt.correlation',
  /** The publisher's client id, for No Local. */
  client: 'mqtt.client',
} as const

/** Headers that begin so are ours. */
const RESERVED_PREFIX = 'mqtt.'
/** A user property whose name would read as one of ours is kept under this prefix: [MQTT-3.3.2-17] allows to drop none. */
const ESCAPE_PREFIX = 'mqtt.user.'

/** The user property, on messages from Kafka clients, that holds a key which is no legal end of an MQTT topic. */
export const KAFKA_KEY_PROPERTY = 'kafka.key'

/** The header name of a user property. */
export function headerOfUserProperty(name: string): string {
  return name === MAPPING_HEADERS.contentType || name.startsWith(RESERVED_PREFIX) ? ESCAPE_PREFIX + name : name
}

/** The user property of a header, or null where it is one of ours. */
export function userPropertyOfHeader(name: string): string | null {
  if (name.startsWith(ESCAPE_PREFIX)) return name.slice(ESCAPE_PREFIX.length)
  return name === MAPPING_HEADERS.contentType || name.startsWith(RESERVED_PREFIX) ? null : name
}
