import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { ApiRange, Handler } from '../handler.ts'
import type { ApiVersionsRequest, ApiVersionsResponse } from '../messages/api-versions.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ApiVersionsResponse>

export const API_VERSIONS_KEY = 18

/** What clients switch on by its finalized level (KIP-584). */
export const FEATURES: readonly { readonly name: string; readonly level: number }[] = [
  { name: 'transaction.version', level: 2 },
  { name: 'group.version', level: 1 },
  { name: 'share.version', level: 1 },
]
/** Levels never change while a broker runs, and clients ignore features without an epoch. */
const FEATURES_EPOCH = 1
const FIRST_WITH_LEVEL_0 = 4

/** A client that expects no node in particular. */
const ANY_NODE = -1

/** KIP-511: what a client may call itself. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/**
 * ApiVersions (18): what this broker serves; answered before authentication, once. Amid a login it gets 34, and the connection
 * closes, as in Kafka.
 *
 * v3: the client names its software; a name that is none gets 42 and no list.
 * v5: the client may say which cluster and node it expects, both or neither (KIP-1242): only one of them gets 42, another
 * cluster or node 129, whereupon the client begins anew with its bootstrap servers.
 * Features (rule 4): the second protocol of transactions (KIP-890), groups of KIP-848, share groups (KIP-932). In v3 and below a feature whose lowest level is 0 is left
 * out (KAFKA-17492).
 */
export const apiVersions: Handler<ApiVersionsRequest, Response> = (request, context) => {
  if (context.version >= 3 && !(SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion))) {
    return refused(ERRORS.invalidRequest)
  }
  const { clusterId, nodeId } = request
  const { identity } = context.broker
  if ((clusterId === null) !== (nodeId === ANY_NODE)) return refused(ERRORS.invalidRequest)
  if (clusterId !== null && (clusterId !== identity.clusterId || nodeId !== identity.nodeId)) return refused(ERRORS.rebootstrapRequired)
  if (context.connection.authentication.tellVersions() === 'illegal') {
    context.connection.closeAfterAnswer('ApiVersions amid a login')
    return refused(ERRORS.illegalSaslState)
  }
  return {
    errorCode: 0,
    apiKeys: context.apiRanges,
    supportedFeatures: context.version >= FIRST_WITH_LEVEL_0 ? FEATURES.map(({ name, level }) => ({ name, minVersion: 0, maxVersion: level })) : [],
    finalizedFeaturesEpoch: FEATURES_EPOCH,
    finalizedFeatures: FEATURES.map(({ name, level }) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
  }
}

function refused(error: ErrorRow): Response {
  return { errorCode: error.kafka, apiKeys: [] }
}

/** Rule 3, KIP-511: the answer to a version that is not served, always in the schema of version 0. */
export function unsupportedApiVersions(ranges: readonly ApiRange[]): Response {
  return { errorCode: ERRORS.unsupportedVersion.kafka, apiKeys: ranges.filter((range) => range.apiKey === API_VERSIONS_KEY) }
}
