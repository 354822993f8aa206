import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { CreatePartitionsRequest, CreatePartitionsResponse } from '../messages/create-partitions.ts'
import { MutationCharge } from '../request-charge.ts'
import type { Input } from '../wire/message.ts'

type Result = Input<typeof CreatePartitionsResponse>['results'][number]
type AskedTopic = CreatePartitionsRequest['topics'][number]

/** KIP-599. */
const FIRST_STRICT = 3

/** CreatePartitions (37): topics grow, and the answer comes when that is durable. Not larger than before gets 37 (rule 8). */
export const createPartitions: Handler<CreatePartitionsRequest, Input<typeof CreatePartitionsResponse>> = async (request, context) => {
  const counts = new Map<string, number>()
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
  const charge = new MutationCharge(context, FIRST_STRICT)
  const once = request.topics.filter(({ name }) => counts.get(name) === 1)
  const grown = once.map((topic) => grow(topic, request.validateOnly, charge, context))
  const refused = [...counts].filter(([, count]) => count > 1).map(([name]) => repeated(name))
  return { throttleTimeMs: charge.throttleTimeMs, results: [...refused, ...(await Promise.all(grown))] }
}

function grow(asked: AskedTopic, validateOnly: boolean, charge: MutationCharge, context: RequestContext): Result | Promise<Result> {
  const { topics, security, identity } = context.broker
  const { name, count } = asked
  if (!security.authorize(context.connection.principal, 'alter', 'topic', name)) return failed(name, failure(ERRORS.topicAuthorizationFailed))
  const topic = topics.get(name)
  if (topic === undefined) return failed(name, failure(ERRORS.unknownTopicOrPartition))
  const refused = topics.checkGrowth(topic, count) ?? checkAssignments(asked, topic.partitions.length, identity.nodeId)
  if (refused !== null) return failed(name, refused)
  if (validateOnly) return { name, errorCode: 0 }
  if (!charge.allows(count - topic.partitions.length)) return failed(name, failure(ERRORS.throttlingQuotaExceeded))
  return new Promise((resolve) => {
    topics.grow(topic, count, (failure) => resolve(failure === null ? { name, errorCode: 0 } : failed(name, failure)))
  })
}

function checkAssignments({ assignments, count }: AskedTopic, before: number, nodeId: number): Failure | null {
  if (assignments === null) return null
  if (assignments.length !== count - before) {
    return failure(ERRORS.invalidReplicaAssignment, `${count - before} new partitions need as many assignments, not ${assignments.length}`)
  }
  const wrong = assignments.find(({ brokerIds }) => brokerIds.length !== 1 || brokerIds[0] !== nodeId)
  return wrong === undefined ? null : failure(ERRORS.invalidReplicaAssignment, `the only broker is ${nodeId}, not ${wrong.brokerIds.join(', ')}`)
}

function repeated(name: string): Result {
  return failed(name, failure(ERRORS.invalidRequest, `topic "${name}" is named twice`))
}

function failed(name: string, { error, message }: Failure): Result {
  return { name, errorCode: error.kafka, errorMessage: message }
}
