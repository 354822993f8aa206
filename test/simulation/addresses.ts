/** Where the simulated broker listens. */
export const KAFKA = { host: '127.0.0.1', port: 9092 }
/** Wants a password once there is a user; the others take everybody. */
export const SECURED_KAFKA = { host: '127.0.0.1', port: 9094 }
export const MQTT = { host: '127.0.0.1', port: 1883 }
