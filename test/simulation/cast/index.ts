import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { Workload } from '../stage.ts'
import { badClients } from './bad-clients.ts'
import { bothProtocols } from './both-protocols.ts'
import { compacted } from './compacted.ts'
import { configs } from './configs.ts'
import { consumerGroup } from './consumer-group.ts'
import { group848 } from './group-848.ts'
import { groupCooperative } from './group-cooperative.ts'
import { groupMixed } from './group-mixed.ts'
import { groupOffsets } from './group-offsets.ts'
import { kafkaExact, kafkaRetention } from './kafka-exact.ts'
import { kafkaExpiry } from './kafka-expiry.ts'
import { kafkaLog } from './kafka-log.ts'
import { kafkaMixedAcks } from './kafka-mixed-acks.ts'
import { kafkaShortLived } from './kafka-short-lived.ts'
import { kafkaToMqtt } from './kafka-to-mqtt.ts'
import { mqttDelivery } from './mqtt-delivery.ts'
import { mqttKeepAlive } from './mqtt-keep-alive.ts'
import { mqttRetained, mqttWills } from './mqtt-kept.ts'
import { mqttLateWills } from './mqtt-late-wills.ts'
import { mqttOptions } from './mqtt-options.ts'
import { mqttReplay } from './mqtt-replay.ts'
import { mqttSessions } from './mqtt-sessions.ts'
import { rights } from './rights.ts'
import { shareGroups } from './share-groups.ts'
import { topicLives } from './topic-lives.ts'
import { transactions } from './transactions.ts'

/** Everything that the simulation lets clients do. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  'kafka-log': kafkaLog,
  'group-offsets': groupOffsets,
  'group-cooperative': groupCooperative,
  'group-848': group848,
  'share-groups': shareGroups,
  'kafka-retention': kafkaRetention,
  'kafka-exact': kafkaExact,
  'kafka-short-lived': kafkaShortLived,
  'consumer-group': consumerGroup,
  'topic-lives': topicLives,
  'kafka-to-mqtt': kafkaToMqtt,
  'mqtt-delivery': mqttDelivery,
  'mqtt-retained': mqttRetained,
  'mqtt-wills': mqttWills,
  'bad-clients': badClients,
  'mqtt-late-wills': mqttLateWills,
  'mqtt-keep-alive': mqttKeepAlive,
  'mqtt-replay': mqttReplay,
  'mqtt-sessions': mqttSessions,
  rights,
  transactions,
  'both-protocols': bothProtocols,
  'mqtt-options': mqttOptions,
  'group-mixed': groupMixed,
  configs,
  'kafka-mixed-acks': kafkaMixedAcks,
  'kafka-expiry': kafkaExpiry,
  compacted,
}

/** Of the runs with one that plays alone. */
const ALONE = 0.03
/** Of the runs that take all there is. */
const EVERYTHING = 0.1
/** Workloads in the others, on average: however many there are, a run costs the same. */
const TAKEN = 10

/**
 * What a run takes part in: some workloads, since what is not there cannot hide what another does to the broker (swarm testing). `names`
 * forces exactly those; an unknown name throws.
 */
export function castOf(random: SeededRandom, names?: readonly string[]): ReadonlyMap<string, Workload> {
  const isAlone = ([, { settings }]: readonly [string, Workload]): boolean => settings !== undefined
  if (names !== undefined) {
    return new Map(
      names.map((name) => {
        const workload = WORKLOADS[name]
        if (workload === undefined) throw new Error(`there is no workload ${name}: ${Object.keys(WORKLOADS).join(', ')}`)
        return [name, workload]
      }),
    )
  }
  const alone = random.named('alone')
  if (alone.chance(ALONE)) return new Map([alone.pick(Object.entries(WORKLOADS).filter(isAlone))])
  const all = Object.entries(WORKLOADS).filter((each) => !isAlone(each))
  if (random.chance(EVERYTHING)) return new Map(all)
  const some = all.filter(() => random.chance(TAKEN / all.length))
  return new Map(some.length === 0 ? all : some)
}
