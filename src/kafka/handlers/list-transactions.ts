import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { ListTransactionsRequest, ListTransactionsResponse } from '../messages/list-transactions.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ListTransactionsResponse>

/** Kafka's states; the two that begin with Prepare are never seen here, but may be asked for. */
const STATES: ReadonlySet<string> = new Set([
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
])

/**
 * ListTransactions (66): the transactional ids that the client may describe. v1: only those open for longer than `durationFilter`
 * milliseconds. v2: only ids that the pattern matches, an expression of RE2.
 */
export const listTransactions: Handler<ListTransactionsRequest, Response> = async (request, context) => {
  const { broker, connection } = context
  const pattern = await compile(request.transactionalIdPattern)
  if (pattern === 'invalid') return { errorCode: ERRORS.invalidRegularExpression.kafka, unknownStateFilters: [], transactionStates: [] }
  const unknownStateFilters = request.stateFilters.filter((state) => !STATES.has(state))
  const states = new Set(request.stateFilters)
  const producerIds = new Set(request.producerIdFilters)
  const nowMs = broker.clock.now()
  const transactionStates = [...broker.transactions.all()]
    .filter(([id, record]) => {
      if (states.size > 0 && !states.has(record.state)) return false
      if (producerIds.size > 0 && !producerIds.has(record.producerId)) return false
      if (request.durationFilter >= 0 && (record.state !== 'Ongoing' || nowMs - record.startedAtMs <= request.durationFilter)) return false
      if (pattern !== null && !pattern(id)) return false
      return broker.security.authorize(connection.principal, 'describe', 'transactional-id', id)
    })
    .map(([transactionalId, { producerId, state }]) => ({ transactionalId, producerId, transactionState: state }))
  return { errorCode: 0, unknownStateFilters, transactionStates }
}

/** Null for every id. */
async function compile(pattern: string | null): Promise<((id: string) => boolean) | 'invalid' | null> {
  if (pattern === null || pattern === '') return null
  const { RE2JS } = await import('re2js')
  try {
    const compiled = RE2JS.compile(pattern)
    return (id) => compiled.matches(id)
  } catch {
    return 'invalid'
  }
}
