import { STATE_KINDS } from '../../../src/broker/state-kinds.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/kafka/messages/consumer-group-heartbeat.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../src/kafka/messages/describe-groups.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { decodeResponse, encodeResponse } from '../../../src/kafka/wire/frame.ts'
import type { LogStore, PartitionLog } from '../../../src/log/ports.ts'
import type { Network } from '../../../src/runtime/network.ts'
import { withoutState, withPartitions } from './log-wrappers.ts'
import type { PlantedFault } from './planted-fault.ts'
import { SIZE_BYTES, withAnswers } from './wire-plants.ts'

/** What administrators, groups and connections of Kafka clients may be told wrong. */
export const KAFKA_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'configs of groups are not kept': {
    withinSeeds: 20,
    workloads: ['configs'],
    wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.groupConfig),
  },
  'configs of brokers are not kept': {
    withinSeeds: 20,
    workloads: ['configs'],
    wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.brokerConfig),
  },
  'quotas are not kept': { withinSeeds: 20, workloads: ['configs'], wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.clientQuota) },
  'everybody is told to wait': {
    withinSeeds: 20,
    wrapNetwork: (network) =>
      withAnswers(network, (frame, { key, version, correlationId }) => {
        if (key !== ProduceRequest.key || version < 1) return frame
        const { value } = decodeResponse(ProduceResponse, version, frame.subarray(SIZE_BYTES))
        return Buffer.concat(encodeResponse(ProduceResponse, version, correlationId, { ...value, throttleTimeMs: value.throttleTimeMs + 100 }))
      }),
  },
  'an answer goes to whoever is answered next': { withinSeeds: 20, wrapNetwork: answerLate },
  'producers are never forgotten': { withinSeeds: 20, workloads: ['kafka-expiry'], wrapLog: rememberForEver },
  'a group is described with what another member has': {
    withinSeeds: 20,
    wrapNetwork: (network) =>
      withAnswers(network, (frame, { key, version, correlationId }) => {
        if (key !== DescribeGroupsRequest.key) return frame
        const { value } = decodeResponse(DescribeGroupsResponse, version, frame.subarray(SIZE_BYTES))
        const groups = value.groups.map((group) => {
          const turned = group.members.map((member, i) => ({
            ...member,
            memberAssignment: group.members.at(i - 1)?.memberAssignment ?? member.memberAssignment,
          }))
          return { ...group, members: turned }
        })
        return Buffer.concat(encodeResponse(DescribeGroupsResponse, version, correlationId, { ...value, groups }))
      }),
  },
  'two members of KIP-848 are given the same partitions': { withinSeeds: 20, wrapNetwork: giveAgain },
}

/** Every so often one waits for the next. */
const LATE_EVERY = 50

function answerLate(network: Network): Network {
  let answers = 0
  let held: Buffer = Buffer.alloc(0)
  return withAnswers(network, (frame, { key }) => {
    if (key === ProduceRequest.key && held.length === 0 && ++answers % LATE_EVERY === 0) {
      held = frame
      return null
    }
    const both = Buffer.concat([frame, held])
    held = Buffer.alloc(0)
    return both
  })
}

function rememberForEver(log: LogStore): LogStore {
  return withPartitions(log, (partition: PartitionLog) => {
    Object.assign(partition.producers, { expire: () => {} })
  })
}

type Assignment = Exclude<ReturnType<typeof answerOf>['assignment'], null>

function answerOf(frame: Buffer, version: number) {
  return decodeResponse(ConsumerGroupHeartbeatResponse, version, frame.subarray(SIZE_BYTES)).value
}

/** Who is given something is given what the one before was given. */
function giveAgain(network: Network): Network {
  let before: Assignment | null = null
  return withAnswers(network, (frame, { key, version, correlationId }) => {
    if (key !== ConsumerGroupHeartbeatRequest.key) return frame
    const value = answerOf(frame, version)
    if (value.assignment === null || value.assignment.topicPartitions.length === 0) return frame
    const assignment = before ?? value.assignment
    before = before === null ? value.assignment : null
    return Buffer.concat(encodeResponse(ConsumerGroupHeartbeatResponse, version, correlationId, { ...value, assignment }))
  })
}
