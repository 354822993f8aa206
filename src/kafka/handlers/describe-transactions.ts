import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { TransactionRecord } from '../../broker/transactions/transaction-record.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeTransactionsRequest, DescribeTransactionsResponse } from '../messages/describe-transactions.ts'
import type { Input } from '../wire/message.ts'
import { refuseTransactionalId } from './transactional-id.ts'

type Response = Input<typeof DescribeTransactionsResponse>
type State = Response['transactionStates'][number]

/** DescribeTransactions (65): where transactional ids stand, with the partitions of topics that the client may describe. */
export const describeTransactions: Handler<DescribeTransactionsRequest, Response> = ({ transactionalIds }, context) => ({
  transactionStates: transactionalIds.map((id) => describe(id, context)),
})

function describe(transactionalId: string, context: RequestContext): State {
  const refused = refuseTransactionalId(context, 'describe', transactionalId)
  if (refused !== null) return unknown(transactionalId, refused)
  const record = context.broker.transactions.get(transactionalId)
  if (record === undefined) return unknown(transactionalId, ERRORS.transactionalIdNotFound)
  return {
    errorCode: 0,
    transactionalId,
    transactionState: record.state,
    transactionTimeoutMs: record.timeoutMs,
    transactionStartTimeMs: record.startedAtMs,
    producerId: record.producerId,
    producerEpoch: record.producerEpoch,
    topics: topicsOf(record, context),
  }
}

function topicsOf({ partitions }: TransactionRecord, { broker, connection }: RequestContext): State['topics'] {
  return [...partitions].flatMap(([topicId, indexes]) => {
    const topic = broker.topics.getById(topicId)?.name
    if (topic === undefined || !broker.security.authorize(connection.principal, 'describe', 'topic', topic)) return []
    return [{ topic, partitions: [...indexes] }]
  })
}

function unknown(transactionalId: string, error: ErrorRow): State {
  return {
    errorCode: error.kafka,
    transactionalId,
    transactionState: '',
    transactionTimeoutMs: 0,
    transactionStartTimeMs: 0,
    producerId: 0,
    producerEpoch: 0,
    topics: [],
  }
}
