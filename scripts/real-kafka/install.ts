import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

/**
 * Apache Kafka from Maven Central, as the judge of our own broker. Everything lands in `.cache/` of the checkout, which
 * git ignores. Needs `mvn` and `java` (17 or later); `missingTools` says what is not there, so that callers can skip.
 */

export const KAFKA_VERSION = '4.4.0'
/** The newest release whose command line tools are published. */
export const KAFKA_TOOLS_VERSION = '4.1.2'

/** `.cache/` of the checkout. */
export const cacheDir = resolve(import.meta.dirname, '../../.cache')

const run = promisify(execFile)

const BROKER = [`org.apache.kafka:kafka_2.13:${KAFKA_VERSION}`, 'org.slf4j:slf4j-nop:1.7.36']
const TOOLS = [`org.apache.kafka:kafka-tools:${KAFKA_TOOLS_VERSION}`, `org.apache.kafka:kafka_2.13:${KAFKA_TOOLS_VERSION}`, 'org.slf4j:slf4j-nop:1.7.36']

/** The broker's jars (about 60 MB), as a class path. Installs them on first use. */
export function installKafka(): Promise<string> {
  return installJars(`kafka-${KAFKA_VERSION}`, BROKER)
}

/** Kafka's command line tools with their own, older client, as a class path. Installs them on first use. */
export function installKafkaTools(): Promise<string> {
  return installJars(`kafka-tools-${KAFKA_TOOLS_VERSION}`, TOOLS)
}

/** Artifacts with all they depend on in `.cache/NAME`, as a class path. A folder of this name is complete: it is renamed into place. */
export async function installJars(name: string, artifacts: readonly string[]): Promise<string> {
  const target = join(cacheDir, name)
  if (!existsSync(target)) {
    const building = `${target}.${process.pid}`
    await mkdir(building, { recursive: true })
    await writeFile(join(building, 'pom.xml'), pom(artifacts))
    await run('mvn', ['-q', '-B', '-f', join(building, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${join(building, 'libs')}`], {
      maxBuffer: 1 << 24,
    })
    await rename(building, target).catch(async (error: unknown) => {
      // Another process was faster: its folder is as good.
      await rm(building, { recursive: true })
      if (!existsSync(target)) throw error
    })
  }
  return join(target, 'libs', '*')
}

/** The tools that are not installed; empty where Kafka can be run. */
export async function missingTools(): Promise<readonly string[]> {
  const missing: string[] = []
  for (const [tool, flag] of [
    ['mvn', '--version'],
    ['java', '-version'],
  ] as const) {
    await run(tool, [flag]).catch(() => missing.push(tool))
  }
  return missing
}

function pom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, version] = artifact.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`
  })
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>elytra</groupId><artifactId>cache</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>
`
}
