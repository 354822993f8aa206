import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../../src/kafka/messages/alter-client-quotas.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../../src/kafka/messages/describe-client-quotas.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../src/kafka/messages/describe-configs.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../src/kafka/messages/incremental-alter-configs.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { ConfigChange, ConfigModel } from '../config-model.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { EXCUSED } from './kafka-readers.ts'

const SET = 0
const DELETE = 1
/** Where a value of DescribeConfigs comes from: this and above, nobody set it while the broker ran. */
const STATIC = 4
const GROUP = 8
const EXACT_MATCH = 0

interface Kind {
  readonly resourceType: number
  readonly resourceName: string
  readonly values: Readonly<Record<string, (random: SeededRandom) => string>>
}

const number = (from: number, to: number) => (random: SeededRandom) => String(random.between(from, to))

/** Of a topic, a group, all brokers, and one. Nobody else's are touched. */
function kindsOf(topic: string): readonly Kind[] {
  return [
    {
      resourceType: 2,
      resourceName: topic,
      values: {
        'max.message.bytes': number(100_000, 2_000_000),
        'retention.ms': number(100_000_000, 900_000_000),
        'compression.type': (random) => random.pick(['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer']),
        'delete.retention.ms': number(1, 1_000_000),
      },
    },
    {
      resourceType: 32,
      resourceName: 'configured-group',
      values: { 'consumer.session.timeout.ms': number(45_000, 60_000), 'consumer.heartbeat.interval.ms': number(5_000, 15_000) },
    },
    { resourceType: 4, resourceName: '', values: { 'max.connections': number(10_000, 20_000), 'log.segment.delete.delay.ms': number(1, 1_000_000) } },
  ]
}

/** The least and the most of each; with the least a record of this topic holds its client up for some seconds. */
const QUOTAS = { producer_byte_rate: [1_000, 6_000], consumer_byte_rate: [1_000, 10_000], request_percentage: [1, 100] } as const

export interface AdministratorOptions {
  readonly topic: string
  /** Whose quotas it sets. */
  readonly clientId: string
}

/** Changes configs of topics, groups and brokers, and quotas, one after the other; each that was acknowledged is there from then on, whatever crashes. */
export class ConfigAdministrator {
  done = false
  readonly #world: World
  readonly #model: ConfigModel
  readonly #options: AdministratorOptions
  readonly #kinds: readonly Kind[]

  constructor(world: World, model: ConfigModel, options: AdministratorOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
    this.#kinds = kindsOf(options.topic)
  }

  async run(): Promise<void> {
    const { random } = this.#world
    await onConnections(this.#world, 200, async (client) => {
      if (random.chance(0.3)) await this.look(client)
      else if (random.chance(0.4)) await this.#alterQuotas(client)
      else await this.#alter(client, random.pick(this.#kinds))
      await this.#world.sleep(random.below(400))
    })
    this.done = true
  }

  /** What the broker says there is. Rejects with Disconnected. */
  async look(client: KafkaClient): Promise<void> {
    const world = this.#world
    const askedMs = world.time.nowMs
    const resources = this.#kinds.map(({ resourceType, resourceName }) => ({ resourceType, resourceName, configurationKeys: null }))
    const { results } = await client.request(DescribeConfigsRequest, DescribeConfigsResponse, world.random.pick([1, 4]), { resources, includeSynonyms: false })
    this.#kinds.forEach((kind, i) => {
      const result = results[i]
      if (result === undefined || result.errorCode !== 0) {
        if (!EXCUSED.has(result?.errorCode ?? -1)) world.violate(`DescribeConfigs of ${kind.resourceName} answered ${result?.errorCode}`)
        return
      }
      for (const key of Object.keys(kind.values)) {
        const config = result.configs.find(({ name }) => name === key)
        const isSet = config !== undefined && (config.configSource < STATIC || config.configSource === GROUP)
        this.#model.told(nameOf(kind, key), isSet ? config.value : null, askedMs)
      }
    })
    await this.#lookAtQuotas(client)
    world.count('configs looked at')
  }

  async #lookAtQuotas(client: KafkaClient): Promise<void> {
    const world = this.#world
    const askedMs = world.time.nowMs
    const components = [{ entityType: 'client-id', matchType: EXACT_MATCH, match: this.#options.clientId }]
    const answer = await client.request(DescribeClientQuotasRequest, DescribeClientQuotasResponse, 1, { components, strict: true })
    if (answer.errorCode !== 0) {
      if (!EXCUSED.has(answer.errorCode)) world.violate(`DescribeClientQuotas answered ${answer.errorCode}`)
      return
    }
    const values = answer.entries?.[0]?.values ?? []
    for (const quota of Object.keys(QUOTAS)) {
      const held = values.find(({ key }) => key === quota)
      this.#model.told(`quota ${quota}`, held === undefined ? null : String(held.value), askedMs)
    }
  }

  async #alter(client: KafkaClient, kind: Kind): Promise<void> {
    const { random } = this.#world
    const keys = Object.keys(kind.values).filter(() => random.chance(0.6))
    if (keys.length === 0) return
    const configs = keys.map((name) => {
      const value = random.chance(0.25) ? null : (kind.values[name]?.(random) ?? null)
      return { name, configOperation: value === null ? DELETE : SET, value }
    })
    const changes = configs.map(({ name, value }) => this.#model.begin(nameOf(kind, name), value))
    const { resourceType, resourceName } = kind
    const request = { resources: [{ resourceType, resourceName, configs }], validateOnly: false }
    const answer = await client.request(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, request)
    const { errorCode = -1, errorMessage = null } = answer.responses[0] ?? {}
    this.#settle(changes, errorCode, `the configs of ${resourceName}: ${errorMessage}`)
  }

  async #alterQuotas(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    const ops = Object.entries(QUOTAS)
      .filter(() => random.chance(0.6))
      .map(([key, [from, to]]) => ({ key, value: random.between(from, to), remove: random.chance(0.3) }))
    if (ops.length === 0) return
    const changes = ops.map(({ key, value, remove }) => this.#model.begin(`quota ${key}`, remove ? null : String(value)))
    const entries = [{ entity: [{ entityType: 'client-id', entityName: this.#options.clientId }], ops }]
    const answer = await client.request(AlterClientQuotasRequest, AlterClientQuotasResponse, 1, { entries, validateOnly: false })
    const { errorCode = -1, errorMessage = null } = answer.entries[0] ?? {}
    this.#settle(changes, errorCode, `quotas: ${errorMessage}`)
  }

  #settle(changes: readonly ConfigChange[], errorCode: number, what: string): void {
    this.#world.count(`config changes answered ${errorCode}`)
    if (errorCode === 0) for (const change of changes) this.#model.settle(change)
    else if (!EXCUSED.has(errorCode)) this.#world.violate(`changing ${what} answered ${errorCode}`)
  }
}

function nameOf({ resourceType, resourceName }: Kind, key: string): string {
  return `${resourceType}/${resourceName}/${key}`
}
