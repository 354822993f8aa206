/** What the MQTT side allows and announces. */
export interface MqttSettings {
  /** The largest packet taken, in bytes; announced to 5.0 clients. Larger messages could not be one record batch of a topic with default settings. */
  readonly maximumPacketSize: number
  /** QoS 1 and 2 messages a client may have unacknowledged, 1..65,535; announced to 5.0 clients, who get DISCONNECT 0x93 beyond it. Others are read no further. */
  readonly receiveMaximum: number
  /** Topic aliases a client may use on one connection; announced. */
  readonly topicAliasMaximum: number
  /** QoS 1 and 2 messages sent unacknowledged to clients that cannot say their own maximum (before 5.0). */
  readonly inflightMaximum: number
  /** The longest keep alive in seconds, told to 5.0 clients that ask for more or none; 0: no limit. */
  readonly maxKeepAliveS: number
  /** Seconds that a session of a 3.1 or 3.1.1 client without clean session is kept. */
  readonly sessionExpiryS: number
  /** Milliseconds from the connection to an accepted CONNECT. */
  readonly connectTimeoutMs: number
  /** Bytes made for a client that its socket has not taken, beyond which it counts as congested. */
  readonly maxOutputBytes: number
}

export const DEFAULT_MQTT_SETTINGS: MqttSettings = {
  // min(2,000,000, the default of max.message.bytes)
  maximumPacketSize: 1_048_588,
  receiveMaximum: 1000,
  topicAliasMaximum: 10,
  inflightMaximum: 1000,
  maxKeepAliveS: 0,
  sessionExpiryS: 2_592_000,
  connectTimeoutMs: 10_000,
  maxOutputBytes: 1_048_576,
}
