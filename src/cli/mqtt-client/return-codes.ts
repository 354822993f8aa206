/** CONNACK's return codes before 5.0 [MQTT 3.1.1, 3.2.2.3]. */
const NAMES = ['accepted', 'unacceptable protocol version', 'client identifier rejected', 'server unavailable', 'bad user name or password', 'not authorized']

/** The name of a return code, for people. */
export function returnCodeName(code: number): string {
  return NAMES[code] ?? `return code ${code}`
}
