/** Where the simulated broker listens. */
export const KAFKA = { host: '127.0.0.1', port: 9092 }
export const MQTT = { host: '127.0.0.1', port: 1883 }
