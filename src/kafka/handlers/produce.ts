import { ERRORS, type ErrorRow, isFailure } from '../../broker/errors.ts'
import { withoutTail } from '../../broker/topics/check-batch.ts'
import type { Partition } from '../../broker/topics/partition.ts'
import { type ProduceOptions, type ProduceOutcome, type ProducingTransaction, produceBatch } from '../../broker/topics/produce.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import { BATCH_HEADER_BYTES, batchCompression, batchIsTransactional } from '../../log/record-batch.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ProduceRequest, ProduceResponse } from '../messages/produce.ts'
import type { Input } from '../wire/message.ts'
import { abortableFor } from './transactional-id.ts'

type Response = Input<typeof ProduceResponse>
type TopicResponse = Response['responses'][number]
type PartitionResponse = TopicResponse['partitionResponses'][number]
type TopicData = ProduceRequest['topicData'][number]
type PartitionData = TopicData['partitionData'][number]

const ACKS_NONE = 0
const ACKS_LEADER = 1
const ACKS_ALL = -1
const KNOWN_ACKS: ReadonlySet<number> = new Set([ACKS_NONE, ACKS_LEADER, ACKS_ALL])
const ZSTD = 4
/** First versions with zstd (KIP-110) and with topic ids (KIP-516). */
const FIRST_WITH_ZSTD = 7
const FIRST_WITH_TOPIC_ID = 13
const FIRST_WITH_ABORTABLE = 11
/** From this version on the client speaks the second protocol of transactions (KIP-890). */
const FIRST_OF_SECOND_PROTOCOL = 12

/** Kafka keeps coordinator state in these; nobody may write to topics of their names. */
const RESERVED_TOPICS: ReadonlySet<string> = new Set(['__consumer_offsets', '__transaction_state'])

/**
 * Produce (0): appends one record batch per partition, in the order of arrival; only the answer waits (rules 10 to 13).
 *
 * acks=-1 waits until the batch is on disk (`acks-all: os`: in the page cache), acks=1 until the page cache has it, acks=0
 * is never answered: an error closes the connection.
 * v0-v2: advertised for librdkafka's sake, closed like any version that is not served (KAFKA-18659).
 * v7: zstd. v8: which records are to blame. v13: topics by id.
 * v12: a batch takes its partition into the transaction by itself (KIP-890). Left out: `timeoutMs`, since nothing waits for other brokers.
 */
export const produce: Handler<ProduceRequest, Response> = (request, context) => {
  const refusal = refuseTransaction(request, context)
  if (request.acks === ACKS_NONE) {
    produceUnanswered(request, context, refusal)
    return null
  }
  return new Answer(request, context, refusal).result()
}

/** An error that every partition of the request gets, those that are not there too. */
function refuseTransaction(request: ProduceRequest, context: RequestContext): ErrorRow | null {
  const transactional = request.topicData.some((topic) => topic.partitionData.some(({ records }) => isTransactional(records)))
  if (!transactional) return null
  const { transactionalId } = request
  if (transactionalId === null) return ERRORS.transactionalIdAuthorizationFailed
  const allowed = context.broker.security.authorize(context.connection.principal, 'write', 'transactional-id', transactionalId)
  return allowed ? null : ERRORS.transactionalIdAuthorizationFailed
}

function isTransactional(records: Uint8Array | null): boolean {
  return records !== null && records.length >= BATCH_HEADER_BYTES && batchIsTransactional(records)
}

function produceUnanswered(request: ProduceRequest, context: RequestContext, refusal: ErrorRow | null): void {
  for (const data of request.topicData) {
    for (const partition of data.partitionData) {
      producePartition(data, partition, request, context, refusal, (response) => {
        if (response.errorCode !== 0) context.connection.close(`acks=0 produce failed: ${response.errorMessage ?? response.errorCode}`)
      })
    }
  }
}

/** Gathers the outcomes of all partitions; they come within the call, later, or both. */
class Answer {
  readonly #responses: TopicResponse[] = []
  #waiting = 0
  #whenComplete: ((response: Response) => void) | null = null

  constructor(request: ProduceRequest, context: RequestContext, refusal: ErrorRow | null) {
    for (const data of request.topicData) {
      const partitionResponses: PartitionResponse[] = new Array(data.partitionData.length)
      this.#responses.push({ name: data.name, topicId: data.topicId, partitionResponses })
      data.partitionData.forEach((partition, place) => {
        this.#waiting += 1
        producePartition(data, partition, request, context, refusal, (response) => {
          partitionResponses[place] = response
          this.#waiting -= 1
          if (this.#waiting === 0) this.#whenComplete?.({ responses: this.#responses })
        })
      })
    }
  }

  result(): Response | Promise<Response> {
    if (this.#waiting === 0) return { responses: this.#responses }
    return new Promise((resolve) => {
      this.#whenComplete = resolve
    })
  }
}

function producePartition(
  data: TopicData,
  { index, records }: PartitionData,
  request: ProduceRequest,
  context: RequestContext,
  refusal: ErrorRow | null,
  onDone: (response: PartitionResponse) => void,
): void {
  const target = refusal ?? findPartition(data, index, context)
  if ('kafka' in target) {
    onDone(errorResponse(index, target, target.message))
    return
  }
  if (!KNOWN_ACKS.has(request.acks)) {
    onDone(errorResponse(index, ERRORS.invalidRequiredAcks, ERRORS.invalidRequiredAcks.message))
    return
  }
  if (records === null) {
    onDone(errorResponse(index, ERRORS.invalidRecord, 'there are no records'))
    return
  }
  const oldCodecs = context.version < FIRST_WITH_ZSTD ? refuseCodec(records) : null
  if (oldCodecs !== null) {
    onDone(errorResponse(index, oldCodecs, oldCodecs.message))
    return
  }
  const options: ProduceOptions = {
    durability: request.acks === ACKS_ALL ? context.broker.settings.acksAll : 'written',
    nowMs: context.broker.clock.now(),
    transaction: request.transactionalId === null ? null : transactionOf(request.transactionalId, context),
  }
  const done = (outcome: ProduceOutcome): void => onDone(responseOf(index, outcome, target))
  context.broker.recompression.prepare(target, withoutTail(records), options.nowMs, (ready) =>
    isFailure(ready) ? done(ready) : produceBatch(context.broker.log, target, ready, options, done),
  )
}

/** Looked at before the rest of the batch; as Kafka answers, which meets an exception where there is no such codec. */
function refuseCodec(records: Uint8Array): ErrorRow | null {
  if (records.length < BATCH_HEADER_BYTES || batchCompression(records) < ZSTD) return null
  return batchCompression(records) === ZSTD ? ERRORS.unsupportedCompressionType : ERRORS.unknownServerError
}

function transactionOf(transactionalId: string, { broker, version }: RequestContext): ProducingTransaction {
  const protocol = version >= FIRST_OF_SECOND_PROTOCOL ? 2 : 0
  return {
    beginsAtZero: protocol === 2,
    check: (producer, partition) => {
      const refused = broker.transactions.checkBatch({ transactionalId, ...producer }, partition, protocol)
      return refused === null ? null : abortableFor(refused, version >= FIRST_WITH_ABORTABLE)
    },
    admit: (producer, partition) => broker.transactions.admitBatch({ transactionalId, ...producer }, partition, protocol),
  }
}

function findPartition(data: TopicData, index: number, context: RequestContext): Partition | ErrorRow {
  const { topics, security } = context.broker
  const topic: Topic | undefined = context.version >= FIRST_WITH_TOPIC_ID ? topics.getById(data.topicId) : topics.get(data.name)
  const name = topic?.name ?? data.name
  if (name !== '' && !security.authorize(context.connection.principal, 'write', 'topic', name)) return ERRORS.topicAuthorizationFailed
  if (topic === undefined) return context.version >= FIRST_WITH_TOPIC_ID ? ERRORS.unknownTopicId : ERRORS.unknownTopicOrPartition
  if (RESERVED_TOPICS.has(topic.name)) return ERRORS.invalidTopic
  return topic.partitions[index] ?? ERRORS.unknownTopicOrPartition
}

function responseOf(index: number, outcome: ProduceOutcome, partition: Partition): PartitionResponse {
  if (!isFailure(outcome)) {
    return {
      index,
      errorCode: 0,
      baseOffset: outcome.baseOffset,
      logAppendTimeMs: outcome.logAppendTimeMs,
      logStartOffset: partition.log.logStartOffset,
      recordErrors: [],
    }
  }
  const recordErrors = outcome.records.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message }))
  return { ...errorResponse(index, outcome.error, outcome.message), recordErrors }
}

function errorResponse(index: number, error: ErrorRow, message: string): PartitionResponse {
  return { index, errorCode: error.kafka, baseOffset: -1, recordErrors: [], errorMessage: message }
}
