import { array, bool, int16, int32, nullable, since, string, struct, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'
import { ACKNOWLEDGEMENT_BATCH, ENDPOINT, LEADER } from './share-fetch.ts'

/** ShareAcknowledge (key 79): what became of records that ShareFetch gave, without asking for more (KIP-932). 2 renews locks (KIP-1222). */

export const ShareAcknowledgeRequest = message(
  { key: 79, name: 'ShareAcknowledgeRequest', versions: [1, 2], flexible: 0 },
  {
    groupId: withDefault(nullable(string), null),
    memberId: nullable(string),
    /** The epoch of the share session; -1 closes it. */
    shareSessionEpoch: int32,
    isRenewAck: since(2, bool, false),
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        acknowledgementBatches: array(ACKNOWLEDGEMENT_BATCH),
      }),
    }),
  },
)
export type ShareAcknowledgeRequest = Infer<typeof ShareAcknowledgeRequest>

export const ShareAcknowledgeResponse = message(
  { key: 79, name: 'ShareAcknowledgeResponse', versions: [1, 2], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: withDefault(nullable(string), null),
    acquisitionLockTimeoutMs: since(2, int32, 0),
    responses: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: withDefault(nullable(string), null),
        currentLeader: withDefault(struct(LEADER), { leaderId: 0, leaderEpoch: 0 }),
      }),
    }),
    nodeEndpoints: withDefault(array(ENDPOINT), []),
  },
)
export type ShareAcknowledgeResponse = Infer<typeof ShareAcknowledgeResponse>
