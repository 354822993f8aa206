import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { differences } from './kafka-messages/compare.ts'
import type { MessageSpecification } from './kafka-messages/specification.ts'
import { parseSpecification } from './kafka-messages/specification.ts'
import { allMessages } from './kafka-messages/tables.ts'
import { cacheDir, KAFKA_VERSION } from './real-kafka/install.ts'

/**
 * Compares every table of src/kafka/messages with the specifications inside Kafka's client library:
 *
 *     node scripts/check-kafka-messages.ts
 *
 * Fetches kafka-clients from Maven Central into `.cache/` on first use (needs `mvn`). Prints every difference and exits
 * with 1 where there is one.
 */
const specifications = await loadSpecifications()
const messages = await allMessages()
const found: string[] = []
for (const message of messages) {
  const specification = specifications.get(message.name)
  if (specification === undefined) {
    found.push(`${message.name}: Kafka ${KAFKA_VERSION} has no such message`)
    continue
  }
  // Only the request says that the latest version of both is not released yet.
  const request = specifications.get(message.name.replace(/Response$/, 'Request'))
  found.push(...differences(message, specification, request?.latestVersionUnstable === true))
}
const versions = messages.reduce((total, message) => total + message.versions[1] - message.versions[0] + 1, 0)
for (const line of found) console.error(line)
console.log(`${messages.length} messages in ${versions} versions compared with Kafka ${KAFKA_VERSION}: ${found.length} differences`)
if (found.length > 0) process.exitCode = 1

async function loadSpecifications(): Promise<ReadonlyMap<string, MessageSpecification>> {
  const target = join(cacheDir, `kafka-clients-${KAFKA_VERSION}-messages`)
  if (!existsSync(target)) {
    const building = `${target}.${process.pid}`
    await mkdir(cacheDir, { recursive: true })
    await promisify(execFile)(
      'mvn',
      [
        '-q',
        '-B',
        'dependency:unpack',
        `-Dartifact=org.apache.kafka:kafka-clients:${KAFKA_VERSION}:jar`,
        '-Dmdep.unpack.includes=common/message/*.json',
        `-DoutputDirectory=${building}`,
        `-DmarkersDirectory=${building}.markers`,
      ],
      // Without a pom the plugin makes a folder of its own where it runs.
      { cwd: cacheDir },
    )
    await rm(`${building}.markers`, { recursive: true, force: true })
    await rename(building, target)
  }
  const folder = join(target, 'common', 'message')
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'))
  const parsed = await Promise.all(files.map(async (file) => parseSpecification(await readFile(join(folder, file), 'utf8'))))
  return new Map(parsed.map((specification) => [specification.name, specification]))
}
