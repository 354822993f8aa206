/**
 * Runs the compatibility suites against the real ones: starts Kafka and Mosquitto, prints where they listen, runs the words
 * given (`node scripts/peers/main.ts node --test test/compat/npm/*.compat.test.ts`) with COMPAT_KAFKA and COMPAT_MQTT set,
 * and stops both. Without words it waits for SIGINT or SIGTERM.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { startRealKafka } from '../real-kafka/start.ts'
import { startMosquitto } from './mosquitto.ts'

await using mosquitto = await startMosquitto()
await using kafka = await startRealKafka()
console.log(`peers ready kafka=${kafka.bootstrap} mqtt=${mosquitto.host}:${mosquitto.port}`)
const [command, ...args] = process.argv.slice(2)
if (command === undefined) {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
} else {
  const env = { ...process.env, COMPAT_KAFKA: kafka.bootstrap, COMPAT_MQTT: `${mosquitto.host}:${mosquitto.port}` }
  const child = spawn(command, args, { stdio: 'inherit', env })
  // Told to end, it ends the words given first, so that no broker is left behind.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal))
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
}
