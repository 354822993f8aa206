import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Partition } from '../../broker/topics/partition.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from '../messages/add-partitions-to-txn.ts'
import type { Input } from '../wire/message.ts'
import { fencedFor, refuseTransactionalId } from './transactional-id.ts'

type Response = Input<typeof AddPartitionsToTxnResponse>

const FIRST_WITH_FENCED = 2

/**
 * AddPartitionsToTxn (24): takes partitions into a transaction, all of them or none (rule 28): where one cannot be, it gets its error and the
 * others OPERATION_NOT_ATTEMPTED. v2: PRODUCER_FENCED.
 */
export const addPartitionsToTxn: Handler<AddPartitionsToTxnRequest, Response> = (request, context) => {
  const { v3AndBelowTransactionalId: transactionalId, v3AndBelowProducerId: producerId, v3AndBelowProducerEpoch: producerEpoch } = request
  const refused = refuseTransactionalId(context, 'write', transactionalId)
  if (refused !== null) return answer(request, () => refused)
  const partitions: Partition[] = []
  const errors = new Map<string, ErrorRow>()
  for (const { name, partitions: indexes } of request.v3AndBelowTopics) {
    for (const index of indexes) {
      const found = findPartition(name, index, context)
      if ('kafka' in found) errors.set(`${name}/${index}`, found)
      else partitions.push(found)
    }
  }
  if (errors.size > 0) return answer(request, (name, index) => errors.get(`${name}/${index}`) ?? ERRORS.operationNotAttempted)
  return new Promise((resolve) => {
    context.broker.transactions.addPartitions({ transactionalId, producerId, producerEpoch }, partitions, (failed) => {
      const error = failed === null ? null : fencedFor(failed, context.version >= FIRST_WITH_FENCED)
      resolve(answer(request, () => error))
    })
  })
}

function findPartition(name: string, index: number, { broker, connection }: RequestContext): Partition | ErrorRow {
  if (!broker.security.authorize(connection.principal, 'write', 'topic', name)) return ERRORS.topicAuthorizationFailed
  return broker.topics.get(name)?.partitions[index] ?? ERRORS.unknownTopicOrPartition
}

function answer(request: AddPartitionsToTxnRequest, errorOf: (name: string, index: number) => ErrorRow | null): Response {
  return {
    resultsByTransaction: [],
    resultsByTopicV3AndBelow: request.v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: errorOf(name, partitionIndex)?.kafka ?? 0 })),
    })),
  }
}
