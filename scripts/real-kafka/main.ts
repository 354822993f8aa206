import { missingTools } from './install.ts'
import { startRealKafka } from './start.ts'

/**
 * Runs a real Apache Kafka until SIGINT or SIGTERM:
 *
 *     node scripts/real-kafka/main.ts [DATA_DIR]
 *
 * Prints one line when it is ready: `real-kafka ready kafka=127.0.0.1:PORT pid=PID data=DIR`.
 */
const missing = await missingTools()
if (missing.length > 0) {
  console.error(`Kafka cannot be run: ${missing.join(' and ')} not found`)
  process.exit(1)
}
const dataDir = process.argv[2]
const kafka = await startRealKafka(dataDir === undefined ? {} : { dataDir })
console.log(`real-kafka ready kafka=${kafka.bootstrap} pid=${kafka.pid} data=${kafka.dataDir}`)
const ended = Promise.withResolvers<void>()
process.once('SIGINT', () => ended.resolve())
process.once('SIGTERM', () => ended.resolve())
// Promises alone do not keep the process alive.
const alive = setInterval(() => {}, 1 << 30)
await ended.promise
clearInterval(alive)
await kafka.stop()
