import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { AckFault, Acknowledgement } from '../../broker/shares/share-partition.ts'
import type { RequestContext } from '../handler.ts'
import type { ShareAcknowledgeRequest } from '../messages/share-acknowledge.ts'
import type { ShareMember } from '../share-sessions.ts'

type AskedTopics = ShareAcknowledgeRequest['topics']
type AckBatch = AskedTopics[number]['partitions'][number]['acknowledgementBatches'][number]

/** What became of the acknowledgements of one partition. */
export interface AckAnswer {
  readonly topicId: string
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** What the version and the request say of renewing locks (KIP-1222). */
export interface RenewRules {
  /** Whether the type exists in this version. */
  readonly isKnown: boolean
  /** Whether the request says that it has any. */
  readonly isAnnounced: boolean
}

const FIRST_RENEW = 2
const RENEW = 4

export function renewRules(version: number, isRenewAck: boolean): RenewRules {
  return { isKnown: version >= FIRST_RENEW, isAnnounced: isRenewAck }
}

/** Why Kafka refuses a request before it looks at its session; null where it does not. */
export function checkShareMember(groupId: string | null, memberId: string | null, context: RequestContext): ErrorRow | null {
  if (groupId === null) return ERRORS.invalidRequest
  if (!context.broker.security.authorize(context.connection.principal, 'read', 'group', groupId)) return ERRORS.groupAuthorizationFailed
  return memberId === null || memberId === '' || memberId.length > MAX_MEMBER_ID_LENGTH ? ERRORS.invalidRequest : null
}

/** That of a printed UUID. */
const MAX_MEMBER_ID_LENGTH = 36

/**
 * Acknowledges what a request says, partition by partition: each of them wholly or not at all. A value where nothing waits for the disk.
 * As in Kafka, a partition without batches is told of only where another one has some.
 */
export function acknowledgeAll(topics: AskedTopics, member: ShareMember, rules: RenewRules, context: RequestContext): AckAnswer[] | Promise<AckAnswer[]> {
  const answers: AckAnswer[] = []
  const withoutBatches: AckAnswer[] = []
  const waiting: Promise<void>[] = []
  let asked = 0
  for (const { topicId, partitions } of topics) {
    for (const { partitionIndex: partition, acknowledgementBatches: batches } of partitions) {
      const refused = check(topicId, partition, batches, rules, context)
      const place = { topicId, partition }
      if (refused !== null) {
        answers.push({ ...place, errorCode: refused.kafka, errorMessage: null })
        continue
      }
      if (batches.length === 0) {
        withoutBatches.push({ ...place, errorCode: 0, errorMessage: null })
        continue
      }
      asked++
      const told = tell({ ...member, ...place }, batches, context)
      if (told instanceof Promise) waiting.push(told.then((fault) => void answers.push(answerOf(place, fault))))
      else answers.push(answerOf(place, told))
    }
  }
  if (asked > 0) answers.push(...withoutBatches)
  return waiting.length === 0 ? answers : Promise.all(waiting).then(() => answers)
}

/** What became of it, or a promise of that. */
function tell(
  key: ShareMember & { readonly topicId: string; readonly partition: number },
  batches: readonly AckBatch[],
  { broker }: RequestContext,
): AckFault | null | Promise<AckFault | null> {
  let result: { readonly fault: AckFault | null } | null = null
  let resolve: ((fault: AckFault | null) => void) | null = null
  broker.shares.acknowledge(key, key.memberId, batches.flatMap(rangesOf), (fault) => {
    result = { fault }
    resolve?.(fault)
  })
  const done = result as { readonly fault: AckFault | null } | null
  if (done !== null) return done.fault
  return new Promise((settle) => {
    resolve = settle
  })
}

/** In Kafka's order: what the request says, rights, whether there is such a partition. */
function check(topicId: string, index: number, batches: readonly AckBatch[], rules: RenewRules, { broker, connection }: RequestContext): ErrorRow | null {
  const topic = broker.topics.getById(topicId)
  if (topic === undefined) return ERRORS.unknownTopicId
  if (!areLegal(batches, rules)) return ERRORS.invalidRequest
  if (!broker.security.authorize(connection.principal, 'read', 'topic', topic.name)) return ERRORS.topicAuthorizationFailed
  return topic.partitions[index] === undefined ? ERRORS.unknownTopicOrPartition : null
}

function areLegal(batches: readonly AckBatch[], rules: RenewRules): boolean {
  let before = -1
  for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
    if (firstOffset > lastOffset || firstOffset < before || acknowledgeTypes.length === 0) return false
    if (acknowledgeTypes.length > 1 && acknowledgeTypes.length !== lastOffset - firstOffset + 1) return false
    for (const type of acknowledgeTypes) {
      if (type < 0 || type > (rules.isKnown ? RENEW : RENEW - 1) || (type === RENEW && !rules.isAnnounced)) return false
    }
    before = lastOffset
  }
  return true
}

/** By the number of the type; a gap is a record that there is not. */
const KINDS = ['reject', 'accept', 'release', 'reject', 'renew'] as const

/** One range for each row of offsets with the same type. */
function rangesOf({ firstOffset, lastOffset, acknowledgeTypes }: AckBatch): Acknowledgement[] {
  if (acknowledgeTypes.length === 1) return [{ first: firstOffset, last: lastOffset, kind: kindOf(acknowledgeTypes[0] as number) }]
  const ranges: Acknowledgement[] = []
  for (const [index, type] of acknowledgeTypes.entries()) {
    const offset = firstOffset + index
    const kind = kindOf(type)
    const previous = ranges.at(-1)
    if (previous?.kind === kind) ranges[ranges.length - 1] = { ...previous, last: offset }
    else ranges.push({ first: offset, last: offset, kind })
  }
  return ranges
}

function kindOf(type: number): Acknowledgement['kind'] {
  return KINDS[type] as Acknowledgement['kind']
}

const ERROR_OF_FAULT: Record<AckFault['reason'], ErrorRow> = {
  'not-acquired': ERRORS.invalidRecordState,
  'never-acquired': ERRORS.invalidRequest,
  'no-renewal': ERRORS.invalidRecordState,
  'not-kept': ERRORS.kafkaStorageError,
  gone: ERRORS.unknownTopicOrPartition,
}

function answerOf(place: { readonly topicId: string; readonly partition: number }, fault: AckFault | null): AckAnswer {
  if (fault === null) return { ...place, errorCode: 0, errorMessage: null }
  return { ...place, errorCode: ERROR_OF_FAULT[fault.reason].kafka, errorMessage: fault.message }
}
