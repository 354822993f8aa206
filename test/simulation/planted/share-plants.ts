import { STATE_KINDS } from '../../../src/broker/state-kinds.ts'
import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from '../../../src/kafka/messages/share-acknowledge.ts'
import { ShareFetchRequest, ShareFetchResponse } from '../../../src/kafka/messages/share-fetch.ts'
import { decodeResponse, encodeResponse } from '../../../src/kafka/wire/frame.ts'
import type { Network } from '../../../src/runtime/network.ts'
import { withoutState } from './log-wrappers.ts'
import type { PlantedFault } from './planted-fault.ts'
import { SIZE_BYTES, withAnswers } from './wire-plants.ts'

/** What share groups may get wrong. */
export const SHARE_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'share groups are not kept': { withinSeeds: 20, wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.shareGroup) },
  'what became of shared records is not kept': { withinSeeds: 20, wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.shareState) },
  'shared records are given to two members': { withinSeeds: 20, wrapNetwork: giveAgain },
  'a refused acknowledgement of shared records is answered as if it were kept': { withinSeeds: 20, wrapNetwork: acceptAll },
}

type Part = ReturnType<typeof partOf>

/** Every eighth time what somebody was given is given to whoever comes next, too. */
function giveAgain(network: Network): Network {
  let count = 0
  let kept: Part | null = null
  return withAnswers(network, (frame, { key, version, correlationId }) => {
    if (key !== ShareFetchRequest.key) return frame
    const { value } = decodeResponse(ShareFetchResponse, version, frame.subarray(SIZE_BYTES))
    const again = kept
    if (again !== null && !value.responses.some(({ topicId }) => topicId === again.topicId)) {
      kept = null
      return Buffer.concat(encodeResponse(ShareFetchResponse, version, correlationId, { ...value, responses: [...value.responses, again] }))
    }
    const given = value.responses.find(({ partitions }) => partitions.some(({ acquiredRecords }) => acquiredRecords.length > 0))
    if (given !== undefined && ++count % 8 === 0) kept = partOf(given)
    return frame
  })
}

type Given = Parameters<typeof encodeResponse<(typeof ShareFetchResponse)['shape']>>[3]['responses'][number]

function partOf({ topicId, partitions }: Given): Given {
  const again = partitions.map((part) => ({
    ...part,
    acknowledgeErrorCode: 0,
    records: part.records.map((slice) => Buffer.from(slice)),
    acquiredRecords: part.acquiredRecords.map((range) => ({ ...range, deliveryCount: range.deliveryCount + 1 })),
  }))
  return { topicId, partitions: again }
}

function acceptAll(network: Network): Network {
  return withAnswers(network, (frame, { key, version, correlationId }) => {
    if (key === ShareFetchRequest.key) {
      const { value } = decodeResponse(ShareFetchResponse, version, frame.subarray(SIZE_BYTES))
      const responses = value.responses.map((topic) => ({ ...topic, partitions: topic.partitions.map((part) => ({ ...part, acknowledgeErrorCode: 0 })) }))
      return Buffer.concat(encodeResponse(ShareFetchResponse, version, correlationId, { ...value, responses }))
    }
    if (key !== ShareAcknowledgeRequest.key) return frame
    const { value } = decodeResponse(ShareAcknowledgeResponse, version, frame.subarray(SIZE_BYTES))
    const responses = value.responses.map((topic) => ({ ...topic, partitions: topic.partitions.map((part) => ({ ...part, errorCode: 0 })) }))
    return Buffer.concat(encodeResponse(ShareAcknowledgeResponse, version, correlationId, { ...value, responses }))
  })
}
